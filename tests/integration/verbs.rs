//! A bottle that was left running, by every verb.

use serde_json::Value;

use crate::harness::{DEADLINE, HELLO, Origin, Room, until};

const TOKEN: &str = "tok-61f0aa93be";

pub(crate) fn every_verb_works_on_a_detached_bottle(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(
        &origin,
        "auth = { scheme = \"bearer\", secret = { host = \"EXAMPLE_TOKEN\" } }\n[env]\nGREETING = \"hi there\"",
    );
    let script = "echo \"out $GREETING\"; echo err >&2; exec sleep 600";
    let detached = room
        .run_call(&["--detach"], &["sh", "-c", script])
        .env("EXAMPLE_TOKEN", TOKEN)
        .run();
    let id = detached.stdout.trim().to_owned();
    assert_eq!(
        detached.code(0).stdout,
        format!("{id}\n"),
        "standard output is the id alone"
    );

    let row = room.listed(&id).unwrap();
    assert_eq!(
        (&row["status"], &row["backend"]),
        (&"detached".into(), &room.engine.name.into())
    );
    let table = room.bottle(&["ls"]).run().ok();
    assert!(
        table
            .lines()
            .any(|line| line.starts_with(&id) && line.contains("detached")),
        "{table}"
    );

    // A unique prefix will do.
    assert_eq!(
        room.exec(&room.name, &["sh", "-c", "echo $GREETING; exit 3"])
            .code(3)
            .stdout,
        "hi there\n"
    );
    assert_eq!(
        room.exec(&id, &["curl", "-fsS", &origin.url("/hello")])
            .ok(),
        HELLO
    );
    assert_eq!(
        room.exec(
            &id,
            &["curl", "-sS", "-o", "/dev/null", "http://other.test/"]
        )
        .code,
        0
    );
    exec_is_where_the_agent_is(room, &id);

    until("the agent has printed", DEADLINE, || {
        let logs = room.bottle(&["logs", &id]).run();
        // Apple's engine keeps both streams in one.
        let err = logs.stderr.contains("err") || logs.stdout.lines().any(|line| line == "err");
        (logs.code == 0 && logs.stdout.contains("out hi there") && err).then_some(())
    });
    room.bottle(&["logs", &id, "--sidecar"]).run().code(0);

    what_was_decided_is_shown(room, &id);
    room.stop(&id);
    assert_eq!(room.listed(&id), None);
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    assert_eq!(room.states(), Vec::<String>::new());
    room.exec(&id, &["true"]).code(125);
}

/// `inspect` and `audit` tell of the two requests, and of no secret.
fn what_was_decided_is_shown(room: &Room, id: &str) {
    let text = room.bottle(&["inspect", id]).run().ok();
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (
            &shown["status"],
            shown["resources"].as_array().unwrap().len()
        ),
        (&"detached".into(), room.engine.resources())
    );
    let stats = &shown["sidecar"]["stats"];
    assert_eq!(
        (&stats["allowed"], &stats["denied"]),
        (&1.into(), &1.into()),
        "{text}"
    );
    assert!(
        shown["sidecar"]["policy"].to_string().contains("api.test"),
        "{text}"
    );
    assert!(!text.contains(TOKEN));

    let audit = room.bottle(&["audit", id]).run().ok();
    assert!(
        audit.contains("allow") && audit.contains("other.test"),
        "{audit}"
    );
}

/// `exec` has the agent's user, environment and folder.
fn exec_is_where_the_agent_is(room: &Room, id: &str) {
    let find =
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" = sleep ] && basename $p; done; true";
    let pid = room.exec(id, &["sh", "-c", find]).ok();
    let agents = "id -u; id -g; readlink /proc/$1/cwd; tr '\\0' '\\n' < /proc/$1/environ | sort";
    let agents = room.exec(id, &["sh", "-c", agents, "sh", pid.trim()]).ok();
    let own = room
        .exec(id, &["sh", "-c", "id -u; id -g; pwd; env | sort"])
        .ok();
    let known = |text: &str| -> Vec<String> {
        // The shells' own variables differ.
        text.lines()
            .filter(|line| !line.starts_with("_=") && !line.starts_with("SHLVL="))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(known(&agents), known(&own));
    assert!(
        own.contains("GREETING=hi there") && own.contains("\n/workspace\n"),
        "{own}"
    );
}

pub(crate) fn a_detached_agent_that_ends_is_shown_as_stopped(room: &Room) {
    room.agent("");
    let id = room.detach(&["sh", "-c", "echo done; exit 3"]);
    until("it is shown as stopped", DEADLINE, || {
        (room.listed(&id)?["status"] == "stopped").then_some(())
    });
    let told = room.engine.exit_code(&format!("bottle-{id}-agent"));
    // Apple's engine tells no status of a container that has ended.
    assert_eq!(told.unwrap_or(3), 3);
    // Apple's engine keeps the guest's own words, on standard error, in the same log.
    let logs = room.bottle(&["logs", &id]).run().ok();
    assert_eq!(logs.lines().next(), Some("done"), "{logs}");
    room.stop(&id);
}
