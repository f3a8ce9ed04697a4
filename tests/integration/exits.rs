//! The agent's own status comes through, whatever it is.

use crate::harness::Room;

pub(crate) fn the_agents_own_status_comes_through(room: &Room) {
    room.agent("");
    // Each needs a bottle of its own; the rest are asked of one bottle below.
    for (command, expected) in [
        (&["sh", "-c", "exit 37"] as &[&str], 37),
        (&["/etc/passwd"], 126),
        (&["no-such-program"], 127),
        (&["sh", "-c", "kill -TERM $$"], 143),
    ] {
        room.run(command).code(expected);
        let kept = room.states();
        assert_eq!(kept.len(), 1, "what failed is kept: {kept:?}");
        room.bottle(&["clean", "--yes"]).run().code(0);
    }
    room.run(&["true"]).code(0);
    assert_eq!(room.states(), Vec::<String>::new());

    let id = room.detach(&["sleep", "600"]);
    for status in [0, 1, 2, 37, 125, 126, 127, 130, 255] {
        let script = format!("exit {status}");
        room.exec(&id, &["sh", "-c", &script]).code(status);
    }
    room.exec(&id, &["/etc/passwd"]).code(126);
    room.exec(&id, &["no-such-program"]).code(127);
    for (signal, status) in [("KILL", 137), ("TERM", 143), ("INT", 130)] {
        let script = format!("kill -{signal} $$");
        room.exec(&id, &["sh", "-c", &script]).code(status);
    }
    room.stop(&id);
}

pub(crate) fn standard_streams_come_through(room: &Room) {
    room.agent("");
    let ran = room.run(&["sh", "-c", "cat; echo out; echo err >&2"]);
    ran.code(0).says("err\n");
    assert_eq!(ran.stdout, "out\n", "standard output is the agent's alone");
}

/// Apple's client waits three seconds for the end of the output, and fails then.
pub(crate) fn what_a_command_leaves_behind_holds_nothing(room: &Room) {
    room.agent("");
    let id = room.detach(&["sleep", "600"]);
    // `setsid`, so that no end of a session takes it along.
    let leaves = "echo before; setsid sleep 300 & echo after; exit 7";
    // A client that waited for what was left behind would not end within the harness's deadline.
    let ran = room.exec(&id, &["sh", "-c", leaves]);
    assert_eq!(ran.code(7).stdout, "before\nafter\n");
    // The control: it was left behind, and runs.
    let agent = format!("bottle-{id}-agent");
    assert!(room.engine.runs(&agent, "sleep 300"));
    room.stop(&id);

    // The same for the agent's own command, on its own streams.
    let ran = room.run(&["sh", "-c", leaves]);
    assert_eq!(ran.code(7).stdout, "before\nafter\n");
    room.bottle(&["clean", "--yes"]).run().code(0);
}
