//! A bottle that is stopped and started again.

use std::fs;

use crate::harness::{DEADLINE, HELLO, Origin, Room, until};

const TOKEN: &str = "tok-2f7d1be09a";

fn route(room: &Room, origin: &Origin) {
    room.agent_with_route(
        origin,
        "auth = { scheme = \"bearer\", secret = { host = \"EXAMPLE_TOKEN\" } }",
    );
}

/// Leaves a bottle running whose agent notes each of its starts in its workspace.
fn detach(room: &Room) -> String {
    let script = "echo run >> /workspace/runs; exec sleep 600";
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", script]);
    let id = call
        .env("EXAMPLE_TOKEN", TOKEN)
        .run()
        .ok()
        .trim()
        .to_owned();
    has_run(room, &id, 1);
    id
}

fn has_run(room: &Room, id: &str, times: usize) {
    until("the agent's command runs", DEADLINE, || {
        let runs = room.exec(id, &["cat", "/workspace/runs"]);
        (runs.stdout == "run\n".repeat(times)).then_some(())
    });
}

fn start(room: &Room, id: &str) -> crate::harness::Call {
    room.bottle(&["start", id]).env("EXAMPLE_TOKEN", TOKEN)
}

fn status(room: &Room, id: &str) -> String {
    let row = room.listed(id).unwrap();
    row["status"].as_str().unwrap().to_owned()
}

pub(crate) fn a_kept_bottle_starts_again_with_its_files_behind_a_new_wall(room: &Room) {
    let origin = Origin::tls();
    route(room, &origin);
    let id = detach(room);
    let url = origin.url("/hello");
    assert_eq!(room.exec(&id, &["curl", "-fsS", &url]).ok(), HELLO);
    let ca = |id: &str| room.exec(id, &["cat", "/.bottle/run/ca.pem"]).ok();
    let bundle = "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt";
    let bundled = |id: &str| room.exec(id, &["sh", "-c", bundle]).ok();
    let (first, trusted) = (ca(&id), bundled(&id));

    // It runs: neither can it start, nor does it go without force.
    start(room, &id)
        .run()
        .code(1)
        .says("it is detached, not stopped");
    room.bottle(&["rm", &id]).run().code(1).says("--force");
    room.stop(&id);
    assert_eq!(status(room, &id), "stopped");
    assert_eq!(room.engine.holds(&id).len(), 4);
    // Stopped twice is stopped, and nothing is lost by it.
    room.stop(&id);
    assert_eq!(room.engine.holds(&id).len(), 4);
    room.exec(&id, &["true"]).code(125);

    // Without the secret nothing starts; with it, everything but the files is new.
    room.bottle(&["start", &id])
        .run()
        .code(1)
        .says("EXAMPLE_TOKEN");
    assert_eq!(status(room, &id), "stopped");
    assert_eq!(start(room, &id).run().ok().trim(), id);
    assert_eq!(status(room, &id), "detached");
    has_run(room, &id, 2);
    assert_ne!(ca(&id), first);
    assert_eq!(bundled(&id), trusted, "the old CA is not trusted any more");
    assert_eq!(room.exec(&id, &["curl", "-fsS", &url]).ok(), HELLO);
    let refused = room.exec(&id, &["curl", "-fsS", "http://other.test/"]);
    assert_ne!(refused.code, 0, "{refused}");
    room.bottle(&["audit", &id, "--verify"]).run().code(0);

    assert_eq!(room.bottle(&["rm", "--force", &id]).run().ok().trim(), id);
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    assert_eq!(room.states(), Vec::<String>::new());
}

pub(crate) fn what_was_tampered_with_does_not_start_again(room: &Room) {
    let origin = Origin::tls();
    route(room, &origin);
    let id = detach(room);
    room.stop(&id);
    let manifest = fs::read_to_string(room.path("agent.toml")).unwrap();
    room.write(
        "agent.toml",
        &format!("{manifest}\n[seal]\nhost-access = \"warn\"\n"),
    );
    start(room, &id).run().code(1).says("is not what");
    room.write("agent.toml", &manifest);
    // Apple's engine connects no container that is made.
    if room.engine.name != "macos-container" {
        let (egress, agent) = (format!("bottle-{id}-egress"), format!("bottle-{id}-agent"));
        room.engine.ask(&["network", "connect", &egress, &agent]);
        start(room, &id)
            .run()
            .code(1)
            .says("the bottle is not sealed");
        assert_eq!(status(room, &id), "stopped");
        assert!(
            !room.engine.runs(&agent, "sleep 600"),
            "the agent must not run"
        );
        room.engine.ask(&["network", "disconnect", &egress, &agent]);
    }
    // The control: put back as it was, it starts.
    start(room, &id).run().code(0);
    has_run(room, &id, 2);
    room.stop(&id);
    assert_eq!(room.bottle(&["rm", &id]).run().ok().trim(), id);
    assert_eq!(room.states(), Vec::<String>::new());
}
