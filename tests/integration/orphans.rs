//! What a killed launcher leaves is found and removed, and nothing else is.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{DEADLINE, Room, until};

pub(crate) fn clean_removes_what_a_killed_launcher_left_and_nothing_else(room: &Room) {
    room.agent("");
    let lives = room.detach(&["sleep", "600"]);
    let orphan = kill_a_launcher(room);
    let alike = look_alikes(room, &orphan);

    assert_eq!(room.listed(&orphan).unwrap()["status"], "orphaned");
    assert_eq!(room.listed(&lives).unwrap()["status"], "detached");
    let expected = resources(&orphan);
    assert_eq!(planned(room), [(orphan.clone(), expected.clone())]);
    let held = room.engine.holds(&room.name);
    assert!(
        expected.iter().all(|name| held.contains(name)),
        "a dry run removes nothing: {held:?}"
    );

    room.bottle(&["clean", "--yes"])
        .run()
        .says(&format!("removed {orphan}"))
        .code(0);
    let mut left = room.engine.holds(&room.name);
    left.sort();
    let mut stays = resources(&lives);
    stays.extend(alike.iter().cloned());
    stays.sort();
    assert_eq!(left, stays);
    assert_eq!(room.states(), std::slice::from_ref(&lives));
    assert_eq!(planned(room), []);
    room.exec(&lives, &["true"]).code(0);

    // Nothing of it is in the way of the next.
    assert_eq!(room.run(&["echo", "again"]).ok(), "again\n");
    room.engine.sweep(&alike);
    room.stop(&lives);
}

pub(crate) fn a_launch_removes_what_a_killed_launcher_left_and_nothing_else(room: &Room) {
    room.agent("");
    let lives = room.detach(&["sleep", "600"]);
    let orphan = kill_a_launcher(room);
    let alike = look_alikes(room, &orphan);

    let ran = room.run(&["echo", "again"]);
    ran.says(&format!(
        "removed what a killed launcher left of `{orphan}`"
    ));
    assert_eq!(ran.ok(), "again\n");
    let mut left = room.engine.holds(&room.name);
    left.sort();
    let mut stays = resources(&lives);
    stays.extend(alike.iter().cloned());
    stays.sort();
    assert_eq!(left, stays);
    room.exec(&lives, &["true"]).code(0);
    // What it did can still be read, until somebody cleans up.
    room.bottle(&["audit", &orphan]).run().code(0);
    assert_eq!(room.listed(&orphan).unwrap()["status"], "leftover");
    // The control: there is nothing to heal for the next.
    let next = room.run(&["true"]);
    assert!(!next.stderr.contains("killed launcher"), "{next}");
    next.code(0);

    room.bottle(&["clean", "--yes"]).run().code(0);
    assert_eq!(room.states(), std::slice::from_ref(&lives));
    room.engine.sweep(&alike);
    room.stop(&lives);
}

pub(crate) fn clean_does_not_ask_without_a_terminal(room: &Room) {
    room.agent("");
    let orphan = kill_a_launcher(room);
    room.bottle(&["clean"])
        .run()
        .says("`bottle clean --yes` does not ask")
        .code(1);
    assert_eq!(room.engine.holds(&orphan).len(), 4);
    room.bottle(&["clean", "--yes"]).run().code(0);
}

fn kill_a_launcher(room: &Room) -> String {
    let before = room.states();
    let running = room.run_call(&[], &["sleep", "600"]).start();
    room.wait_for_phase(&running, "running");
    let id = room
        .states()
        .into_iter()
        .find(|id| !before.contains(id))
        .unwrap();
    running.signal(Signal::KILL);
    // The engine's client outlives it, so its streams do not end; its lock tells.
    until("the launcher is gone", DEADLINE, || {
        (room.listed(&id)?["status"] == "orphaned").then_some(())
    });
    id
}

/// Makes what looks like the orphan's, and is not: by its owner, its name, or its lack of labels.
fn look_alikes(room: &Room, orphan: &str) -> Vec<String> {
    let agent = format!("bottle-{orphan}-agent");
    let ours = |key: &str| format!("{key}={}", room.engine.label(&agent, key));
    let name = &room.name;
    let (other, database) = (
        format!("bottle-{name}-zzzzzz-agent"),
        format!("{name}-database"),
    );
    let [id, role, owner, version] = [
        "dev.bottle.id",
        "dev.bottle.role",
        "dev.bottle.owner",
        "dev.bottle.version",
    ]
    .map(ours);
    let others = [
        format!("dev.bottle.id={name}-zzzzzz"),
        "dev.bottle.owner=4711.elsewhere".to_owned(),
    ];
    for (container, labels) in [
        (&other, [&others[0], &role, &others[1], &version]),
        (&database, [&id, &role, &owner, &version]),
    ] {
        let mut words = vec!["create", "--name", container];
        words.extend(labels.iter().flat_map(|label| ["--label", label.as_str()]));
        words.extend([room.engine.image, "true"]);
        room.engine.ask(&words);
    }
    let network = format!("bottle-{name}-yyyyyy-internal");
    room.engine
        .ask(&["network", "create", "--internal", &network]);
    vec![other, database, network]
}

/// What `clean` says that it would remove.
#[track_caller]
fn planned(room: &Room) -> Vec<(String, Vec<String>)> {
    let text = room.bottle(&["clean", "--dry-run", "--json"]).run().ok();
    let plan: Value = serde_json::from_str(&text).unwrap();
    let items = plan["bottles"].as_array().unwrap();
    items
        .iter()
        .map(|item| {
            let resources = item["resources"].as_array().unwrap();
            let mut names: Vec<String> = resources
                .iter()
                .map(|found| found["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            (item["id"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

/// What every bottle is made of, in alphabetical order.
fn resources(id: &str) -> Vec<String> {
    ["agent", "egress", "internal", "sidecar"]
        .map(|role| format!("bottle-{id}-{role}"))
        .to_vec()
}
