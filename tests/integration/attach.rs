//! The agent of a detached bottle, watched from elsewhere.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{DEADLINE, Room, until};

/// Returns what the agent printed; Apple's engine keeps the guest's own words in the same log.
fn printed(text: &str) -> Vec<&str> {
    let guests = |line: &&str| line.starts_with("bottle guest: ");
    text.lines().filter(|line| !guests(line)).collect()
}

pub(crate) fn a_detached_agent_is_watched_by_several_to_its_end(room: &Room) {
    room.agent("");
    // An engine may cross what the agent and the guest print at one moment on two streams; then Apple's
    // tells no status.
    let script = "echo one; until [ -e /tmp/go ]; do sleep 0.1; done; echo two; sleep 1; exit 5";
    let id = room.detach(&["sh", "-c", script]);
    let watch = || room.bottle(&["attach", &id]).start();
    let (first, second, leaves) = (watch(), watch(), watch());
    until("whoever leaves has left", DEADLINE, || {
        leaves.signal_group(Signal::INT);
        leaves.has_ended().then_some(())
    });
    leaves.wait(DEADLINE).code(130);
    // The control: the agent and the other two go on.
    assert_eq!(room.listed(&id).unwrap()["status"], "detached");
    assert!(!first.has_ended() && !second.has_ended());
    room.exec(&id, &["touch", "/tmp/go"]).code(0);
    for watching in [first, second] {
        let ended = watching.wait(DEADLINE);
        assert_eq!(printed(&ended.code(5).stdout), ["one", "two"]);
    }
    // Of one that has ended, the same is shown again.
    let late = room.bottle(&["attach", &id]).run();
    assert_eq!(printed(&late.code(5).stdout), ["one", "two"]);
    room.stop(&id);
    room.bottle(&["attach", &id]).run().code(125);
}

pub(crate) fn what_is_listed_of_a_bottle(room: &Room) {
    room.agent("");
    let id = room.detach(&["/bin/sh", "-c", "exec sleep 600"]);
    let row = room.listed(&id).unwrap();
    let told = ["name", "agent", "backend", "status", "denied"].map(|key| row[key].clone());
    let expected: [Value; 5] = [
        room.name.as_str().into(),
        "sh".into(),
        room.engine.name.into(),
        "detached".into(),
        0.into(),
    ];
    assert_eq!(told, expected, "{row}");
    for _ in 0..3 {
        room.exec(&id, &["curl", "-sS", "http://other.test/"])
            .code(0);
    }
    assert_eq!(room.listed(&id).unwrap()["denied"], 3);
    let table = room.bottle(&["ls"]).run().ok();
    let line = table.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(line.ends_with(" 3"), "{table}");
    room.stop(&id);
}
