//! What a script sees that runs an agent - events, and nothing else on standard error - and what it tells
//! of a bottle afterwards, or removes.

use std::fs;

use serde_json::Value;

use crate::harness::{DEADLINE, Origin, Outcome, Room, until};

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

pub(crate) fn a_report_has_the_logs_and_no_secret(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(
        &origin,
        "auth = { scheme = \"bearer\", secret = { host = \"EXAMPLE_TOKEN\" } }\n[env]\nPLANTED = \"planted-3c1d77\"",
    );
    let script =
        "echo \"printed $PLANTED\"; curl -sS http://other.test/ >/dev/null; exec sleep 600";
    let call = room.run_call(&["--detach"], &["sh", "-c", script]);
    let ran = call.env("EXAMPLE_TOKEN", "tok-90aa51ce7b").run();
    let id = ran.ok().trim().to_owned();
    until("the agent has asked", DEADLINE, || {
        (room.listed(&id)?["denied"] == 1).then_some(())
    });
    let written = room
        .bottle(&["report", &id, "--to", "report.txt"])
        .env("EXAMPLE_TOKEN", "tok-90aa51ce7b")
        .run();
    written.code(0).says("log of the agent");
    let text = fs::read_to_string(room.path("report.txt")).unwrap();
    for there in [
        "printed [value of PLANTED]",
        "other.test",
        "\"phase\": \"detached\"",
        &format!("{}: ok", room.engine.name),
    ] {
        assert!(text.contains(there), "no `{there}` in: {text}");
    }
    for planted in ["planted-3c1d77", "tok-90aa51ce7b"] {
        assert!(!text.contains(planted), "`{planted}` in: {text}");
    }
    // The control: the log itself has what the agent printed.
    let logs = room.bottle(&["logs", &id]).run().ok();
    assert!(logs.contains("printed planted-3c1d77"), "{logs}");
    room.stop(&id);
}

pub(crate) fn a_bottle_that_runs_is_removed_by_force_only(room: &Room) {
    room.agent("");
    let id = room.detach(&["sleep", "600"]);
    room.bottle(&["rm", &id]).run().code(1).says("--force");
    assert_eq!(room.listed(&id).unwrap()["status"], "detached");
    assert_eq!(room.bottle(&["rm", "--force", &id]).run().ok().trim(), id);
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    // The control: what has ended needs none.
    let ended = room.detach(&["true"]);
    until("its agent has ended", DEADLINE, || {
        (room.listed(&ended)?["status"] == "stopped").then_some(())
    });
    assert_eq!(room.bottle(&["rm", &ended]).run().ok().trim(), ended);
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    assert_eq!(room.states(), Vec::<String>::new());
    assert_eq!(room.folders(), Vec::<String>::new());
}
