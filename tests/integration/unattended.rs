//! What a script sees that runs an agent: events, and nothing else on standard error.

use serde_json::Value;

use crate::harness::{Outcome, Room};

/// Reads standard error as events; every line must be one.
fn events(ran: &Outcome) -> Vec<Value> {
    let read = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: `{line}`"))
    };
    ran.stderr.lines().map(read).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    let named = events.iter().filter(|event| event["event"] == name);
    named.collect()
}

pub(crate) fn events_tell_what_happens_and_nothing_else_is_said(room: &Room) {
    room.agent("");
    let script = "echo out; echo err >&2; curl -sS http://other.test/ >/dev/null; exit 7";
    let call = room.run_call(&["--events", "json"], &["sh", "-c", script]);
    let ran = call.run();
    ran.code(7);
    let told = events(&ran);
    let mut printed: Vec<&str> = ran.stdout.lines().collect();
    printed.sort_unstable();
    assert_eq!(printed, ["err", "out"], "both streams, on standard output");
    for phase in named(&told, "phase") {
        assert_eq!(phase["outcome"], "done", "{phase}");
        assert!(
            phase["millis"].is_u64() && phase["time"].is_string(),
            "{phase}"
        );
    }
    let names: Vec<&Value> = named(&told, "phase")
        .iter()
        .map(|phase| &phase["name"])
        .collect();
    assert!(names.contains(&&"seal".into()), "{names:?}");
    let ready = named(&told, "ready");
    assert_eq!(ready.len(), 1, "{told:?}");
    assert!(ready[0]["id"].as_str().unwrap().starts_with(&room.name));
    assert_eq!(ready[0]["backend"], room.engine.name);
    let denied = named(&told, "denied");
    assert_eq!(denied.len(), 1, "{told:?}");
    assert_eq!(denied[0]["count"], 1);
    assert!(denied[0]["what"].as_str().unwrap().contains("other.test"));
    let last = told.last().unwrap();
    assert_eq!(
        (&last["event"], &last["status"], &last["by"]),
        (&"ended".into(), &7.into(), &"agent".into())
    );
    // The control: without the option, the same is told in words.
    let words = room.run(&["sh", "-c", script]);
    words.code(7).says("other.test").says("err");
    assert!(!words.stderr.contains("{\"time\""), "{words}");
}
