//! `guest init`, as process 1 of a namespace.

use std::time::{Duration, Instant};

use crate::program::guest;
use crate::room::guest_in_room;

/// A process beside `init` that leaves it an orphan to reap, then tells it to end.
const COMPANION: &str = r#"
(
    # Until the shell has become the guest, the orphan would be the shell's.
    until [ "$(cat proc/1/comm)" = guest ]; do sleep 0.01; done
    ( sh -c 'exit 0' & echo $! > orphan )
    tries=1000
    while [ -e "proc/$(cat orphan)" ] && [ $tries -gt 0 ]; do tries=$((tries-1)); sleep 0.01; done
    [ $tries = 0 ] || echo reaped
    trap "$ON_TERM" TERM
    kill -$SIGNAL 1
    while :; do sleep 0.01; done
) 2> /dev/null &
"#;

fn ended_after(on_term: &str, signal: &str) -> Option<(String, Duration)> {
    let prepare = format!("ON_TERM='{on_term}' SIGNAL={signal}\n{COMPANION}");
    let begin = Instant::now();
    let ended = guest_in_room(&prepare, &["init"], b"")?.fine();
    Some((ended.text().to_owned(), begin.elapsed()))
}

#[test]
fn it_reaps_and_passes_the_signal_on() {
    for signal in ["TERM", "INT", "HUP"] {
        let Some((text, _)) = ended_after("echo told; exit", signal) else {
            return;
        };
        assert_eq!(text, "reaped\ntold\n", "{signal}");
    }
}

#[test]
fn it_waits_a_while_for_the_others_and_not_for_ever() {
    let Some((text, patient)) = ended_after("", "TERM") else {
        return;
    };
    assert_eq!(text, "reaped\n");
    assert!(patient >= Duration::from_secs(2), "{patient:?}");
    assert!(patient < Duration::from_secs(15), "{patient:?}");
}

/// Prepares a detached start: `sh -c` with this script, and a companion that runs one of its own beside it.
fn detached(command: &str, companion: &str) -> String {
    format!(
        r"mkdir -p .bottle/run work
        printf '%s' '{}' > .bottle/run/environment.json
        (
            # The signal is lost until it is caught.
            until [ -e started ]; do chroot . /.bottle/guest go; sleep 0.01; done
            {companion}
        ) 2> /dev/null &",
        serde_json::json!({
            "env": {},
            "workdir": "/work",
            "command": ["sh", "-c", format!("touch /started; {command}")],
        })
    )
}

#[test]
fn the_end_of_a_detached_command_is_the_end_of_all_whatever_it_leaves_behind() {
    let begin = Instant::now();
    let prepare = detached("sleep 60 & echo out; exit 42", "");
    let Some(ended) = guest_in_room(&prepare, &["init"], b"") else {
        return;
    };
    let ended = ended.failed(42, "ended with status 42");
    assert_eq!(ended.text(), "out\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_command_is_told_once_that_the_end_has_come() {
    // One that hears it stays for a while, so that it would hear it again.
    let command = r#"trap "echo told; touch /told" TERM; touch /ready
        until [ -e /told ]; do sleep 0.01; done
        for _ in 1 2 3 4 5; do sleep 0.1; done"#;
    let companion = "until [ -e ready ]; do sleep 0.01; done; kill -TERM 1";
    let Some(ended) = guest_in_room(&detached(command, companion), &["init"], b"") else {
        return;
    };
    assert_eq!((ended.code, ended.text()), (Some(0), "told\n"));
}

#[test]
fn it_refuses_to_be_any_other_process() {
    guest(&["init"], b"").failed(1, "must be process 1");
}
