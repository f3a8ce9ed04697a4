//! `guest probe` over its streams, in a network namespace that has loopback only, and on the own one.

use std::net::TcpListener;

use bottle_contract::probe::{
    Attempt, How, Origin, Outcome, ProbeReport, ProbeRequest, TargetKind,
};

use crate::program::guest;
use crate::room::guest_in_room;

#[test]
fn a_request_is_answered_with_one_line_of_json() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let attempt = Attempt {
        target: TargetKind::Sidecar,
        how: How::Tcp,
        to: listener.local_addr().unwrap(),
        origin: Origin::Asked,
    };
    let request = ProbeRequest {
        token: "token".to_owned(),
        attempts: vec![attempt.clone()],
        random_name: "nobody-has-this.invalid".to_owned(),
        oracle_port: 9,
        timeout_millis: 100,
        far_timeout_millis: None,
    };
    let ended = guest(&["probe"], &serde_json::to_vec(&request).unwrap()).fine();
    assert_eq!(ended.text().lines().count(), 1);
    let report: ProbeReport = serde_json::from_str(ended.text()).unwrap();
    assert_eq!(report.results[0].attempt, attempt);
    assert!(matches!(
        report.results[0].outcome,
        Outcome::Answered { .. }
    ));
}

#[test]
fn a_name_that_does_not_resolve_is_a_failure_with_its_reason() {
    // In a network of its own, which has nobody to ask.
    let prepare = "mkdir etc; echo nameserver 127.0.0.1 > etc/resolv.conf";
    for (prepare, words) in [("", "names no resolver"), (prepare, "127.0.0.1: ")] {
        let Some(ended) = guest_in_room(prepare, &["resolves", "a.test"], b"") else {
            return;
        };
        ended.failed(1, words);
    }
}
