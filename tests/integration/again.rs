//! A bottle that is stopped and started again.

use std::fs;

use crate::harness::{DEADLINE, HELLO, Origin, Room, Wrapper, until};

const TOKEN: &str = "tok-2f7d1be09a";

/// Tries to put something in the guest's place, and prints what worked. The last one is the agent's own.
const REPLACE: &str = "cd /workspace; echo '#!/bin/sh' > mine; chmod +x mine; \
    try() { \"$@\" 2>/dev/null && echo \"$*\"; }; \
    try cp mine /.bottle/guest; try mv mine /.bottle/guest; try rm -f /.bottle/guest; \
    try ln -sf /workspace/mine /.bottle/guest; try mv /.bottle /workspace/old; \
    try touch /.bottle/new; try touch /.bottle/run/new; try chmod 777 /.bottle; \
    try mount --bind /workspace /.bottle; try touch /new; \
    try mv mine yours; echo run >> runs; exec sleep 600";

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
    let id = room.left_running(&call.env("EXAMPLE_TOKEN", TOKEN));
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

pub(crate) fn what_a_root_agent_may_have_replaced_is_not_run_again(room: &Room) {
    room.agent("user = \"root\"");
    // So that it can end by itself, it leaves the guest as it is but for one more file beside it.
    let harmless = REPLACE
        .replace("/.bottle/guest", "/.bottle/other")
        .replace("try mv /.bottle /workspace/old;", "");
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", &harmless]);
    let first = room.left_running(&call);
    until("the agent has tried", DEADLINE, || {
        let printed = room.bottle(&["logs", &first]).run().stdout;
        (printed.contains("touch /.bottle/new\n")).then_some(())
    });
    room.stop(&first);
    let wrapper = Wrapper::new(room);
    let refused = wrapper.before(room, room.bottle(&["start", &first])).run();
    refused
        .code(1)
        .says("its agent is root")
        .says("bottle snapshot");
    let words: Vec<String> = (1..=wrapper.calls()).map(|at| wrapper.words(at)).collect();
    assert!(!words.is_empty());
    for call in &words {
        assert!(!call.contains("guest"), "{words:?}");
    }
    assert_eq!(status(room, &first), "stopped");
    room.bottle(&["rm", &first]).run().code(0);

    // The control: another agent replaces nothing, and so its bottle starts.
    room.agent("");
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", REPLACE]);
    let id = room.left_running(&call);
    has_run(room, &id, 1);
    assert_eq!(room.bottle(&["logs", &id]).run().ok(), "mv mine yours\n");
    room.stop(&id);
    room.bottle(&["start", &id]).run().code(0);
    room.bottle(&["rm", "--force", &id]).run().code(0);
}

pub(crate) fn a_launcher_may_die_while_it_starts_a_bottle_again(room: &Room) {
    room.agent("");
    let script = "echo run >> /workspace/runs; exec sleep 600";
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", script]);
    let id = room.left_running(&call);
    has_run(room, &id, 1);
    room.stop(&id);
    let whole = Wrapper::new(room);
    let start = || room.bottle(&["start", &id]);
    whole.before(room, start()).run().code(0);
    let calls = whole.calls();
    has_run(room, &id, 2);
    room.stop(&id);
    // How many calls there are depends on what runs already, so the last ones are left out.
    for at in [calls / 4, calls / 2, calls * 3 / 4] {
        let wrapper = Wrapper::new(room);
        let died = wrapper
            .before(room, start())
            .env("DIE_AFTER", at.to_string())
            .run();
        assert_eq!(died.code, 137, "{at} of {calls}: {died}");
        wrapper.wait();
        assert_eq!(
            status(room, &id),
            "stopped",
            "{at}: `{}`",
            wrapper.words(at)
        );
        // It is nobody's leftover: what the agent wrote stays.
        room.bottle(&["clean", "--yes"]).run().code(0);
    }
    start().run().code(0);
    has_run(room, &id, 3);
    room.bottle(&["rm", "--force", &id]).run().code(0);
    assert_eq!(room.states(), Vec::<String>::new());
}
