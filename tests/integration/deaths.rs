//! A launcher that is killed, at any point of a bottle's life.
//!
//! The points are the calls that it makes of its engine, each before and after, as a whole run makes
//! them: a new step is covered by itself. A few are tried each time; `BOTTLE_TEST_DEATHS=all` tries all.

use crate::harness::{Room, Wrapper, variable};

/// How many points are tried unless all are asked for.
const SAMPLE: usize = 5;

/// A point of death.
#[derive(Clone, Copy, Debug)]
struct Death {
    call: usize,
    when: &'static str,
}

pub(crate) fn a_launcher_may_die_at_any_point(room: &Room) {
    room.agent("");
    // The image is made first; then a launch has the same calls each time.
    room.run(&["true"]).code(0);
    let whole = Wrapper::new(room);
    whole.run(room, &["true"]).run().code(0);
    let calls = whole.calls();
    // Without an engine fewer calls do all of it: start, seal, run and end.
    let least = if room.engine.program().is_some() {
        14
    } else {
        4
    };
    assert!(calls >= least, "launch and teardown: {calls}");

    for (number, death) in deaths(calls).into_iter().enumerate() {
        let wrapper = Wrapper::new(room);
        let died = wrapper
            .run(room, &["true"])
            .env(death.when, death.call.to_string())
            .run();
        assert_eq!(died.code, 137, "{death:?}: {died}");
        wrapper.wait();
        let what = format!("{death:?}, `{}`", wrapper.words(death.call));
        check_truth(room, &what);
        // Either way all is well again: by a clean, and by just going on.
        if number % 2 == 0 {
            room.bottle(&["clean", "--yes"]).run().code(0);
        } else {
            assert_eq!(room.run(&["echo", "on"]).ok(), "on\n", "{what}");
        }
        assert_eq!(
            room.engine.holds(&room.name),
            Vec::<String>::new(),
            "{what}"
        );
        room.bottle(&["clean", "--yes"]).run().code(0);
        assert_eq!(room.states(), Vec::<String>::new(), "{what}");
    }
}

fn deaths(calls: usize) -> Vec<Death> {
    let all: Vec<Death> = (1..=calls)
        .flat_map(|call| ["DIE_BEFORE", "DIE_AFTER"].map(|when| Death { call, when }))
        .collect();
    if variable("BOTTLE_TEST_DEATHS").as_deref() == Some("all") {
        return all;
    }
    // The first and the last among them, and both of its ways.
    (0..SAMPLE)
        .map(|sample| all[sample * (all.len() - 1) / (SAMPLE - 1)])
        .collect()
}

/// `ls` says what there is: never that it runs, and whether the engine holds something.
#[track_caller]
fn check_truth(room: &Room, what: &str) {
    let held = room.engine.holds(&room.name);
    let states = room.states();
    assert!(states.len() <= 1, "{what}: {states:?}");
    assert!(held.is_empty() || states.len() == 1, "{what}: {held:?}");
    for id in states {
        let listed = room.listed(&id).expect("it is listed");
        // Without an engine its own folder is held as well as its processes.
        let leftover =
            held.is_empty() && (room.engine.program().is_some() || listed["status"] == "leftover");
        let expected = if leftover { "leftover" } else { "orphaned" };
        assert_eq!(listed["status"], expected, "{what}: {held:?}");
    }
}
