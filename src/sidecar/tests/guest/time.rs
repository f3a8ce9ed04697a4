//! The time that the agent's command has, as process 1 keeps it.

use std::time::{Duration, Instant};

use crate::room::guest_in_room;

/// Prepares a room whose command has this many seconds, and starts it as `call` says.
fn prepare(seconds: u64, command: &str, call: &str) -> String {
    let environment = serde_json::json!({
        "env": {},
        "workdir": "/work",
        "command": ["sh", "-c", format!("touch /started; {command}")],
        "timeout": seconds,
    });
    format!(
        r#"mkdir -p .bottle/run work
        printf '%s' '{environment}' > .bottle/run/environment.json
        (
            until [ "$(cat proc/1/comm)" = guest ]; do sleep 0.01; done
            until grep -q '^SigCgt:.*[89a-f]..$' proc/1/status; do sleep 0.01; done
            until [ -e started ]; do chroot . /.bottle/guest {call}; sleep 0.01; done
        ) > /dev/null 2> /dev/null &"#
    )
}

#[test]
fn a_detached_command_ends_with_its_time_and_not_before() {
    let begin = Instant::now();
    let script = prepare(1, "echo out; sleep 60", "go");
    let Some(ended) = guest_in_room(&script, &["init"], b"") else {
        return;
    };
    let ended = ended.failed(124, "the time that `--timeout` gave the agent is over");
    assert_eq!(ended.text(), "out\n");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    // The control: with time enough, its own status counts.
    let script = prepare(60, "exit 42", "go");
    let ended = guest_in_room(&script, &["init"], b"").unwrap();
    ended.failed(42, "ended with status 42");
}

#[test]
fn a_command_whose_launcher_died_ends_with_its_time() {
    let call = "exec sh -c 'touch /started; sleep 60'";
    let Some(ended) = guest_in_room(&prepare(1, "", call), &["init"], b"") else {
        return;
    };
    ended.failed(124, "the time that `--timeout` gave the agent is over");
}
