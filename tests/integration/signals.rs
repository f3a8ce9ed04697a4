//! However bottle is told to end, it takes everything down first.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{DEADLINE, Room, until};

/// How long taking a bottle down may take.
const TEARDOWN: Duration = Duration::from_secs(15);

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

pub(crate) fn a_signal_while_the_agent_runs_takes_everything_down(room: &Room) {
    room.agent("");
    for (signal, status) in SIGNALS {
        let running = room.run_call(&[], &["sleep", "600"]).start();
        let id = room.wait_for_phase(&running, "running");
        until("the agent sleeps", DEADLINE, || {
            sleeps(room, &id).then_some(())
        });
        // The control: everything is there until the signal.
        assert_eq!(room.engine.holds(&id).len(), 4);
        running.signal(signal);
        running.wait(TEARDOWN).code(status);
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
        assert_eq!(room.states(), Vec::<String>::new());
    }
}

/// A terminal sends Ctrl-C to everything in the foreground: bottle and the engine's client.
pub(crate) fn ctrl_c_in_a_terminals_foreground_takes_everything_down(room: &Room) {
    room.agent("");
    let running = room.run_call(&[], &["sleep", "600"]).start();
    let id = room.wait_for_phase(&running, "running");
    until("the agent sleeps", DEADLINE, || {
        sleeps(room, &id).then_some(())
    });
    running.signal_group(Signal::INT);
    running.wait(TEARDOWN).code(130);
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    assert_eq!(room.states(), Vec::<String>::new());
}

pub(crate) fn a_signal_during_the_launch_takes_everything_down(room: &Room) {
    room.agent("");
    // The image is made first, so that the signals meet the steps that make resources.
    room.run(&["true"]).code(0);
    for (signal, status) in SIGNALS {
        let running = room.run_call(&[], &["sleep", "600"]).start();
        room.wait_for_phase(&running, "creating");
        running.signal(signal);
        running.wait(TEARDOWN).code(status);
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
        assert_eq!(room.states(), Vec::<String>::new());
    }
    // In the middle: as soon as the engine holds something.
    for count in [1, 3] {
        let running = room.run_call(&[], &["sleep", "600"]).start();
        until("something is made", DEADLINE, || {
            assert!(!running.has_ended(), "it ended by itself");
            (room.engine.holds(&room.name).len() >= count).then_some(())
        });
        running.signal_group(Signal::INT);
        running.wait(TEARDOWN).code(130);
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
        assert_eq!(room.states(), Vec::<String>::new());
    }
}

fn sleeps(room: &Room, id: &str) -> bool {
    room.engine.runs(&format!("bottle-{id}-agent"), "sleep 600")
}
