//! What a report means: held, accepted, inconclusive or open.

use std::collections::BTreeSet;

use bottle_contract::attack::{AttackReport, Control, Finding, Tried};
use bottle_contract::attempts::{ATTEMPTS, Scope};

use super::judge::{Known, Row, Verdict, Verified, judge};
use super::witness::Arrivals;
use crate::backends::HostAccess;

fn tried(id: &str, finding: Finding, control: Control) -> Tried {
    Tried {
        id: id.to_owned(),
        finding,
        evidence: "seen".to_owned(),
        control,
        control_evidence: "checked".to_owned(),
    }
}

/// A report in which everything was stopped, but for one attempt.
fn report(other: Option<Tried>) -> AttackReport {
    let mut all: Vec<Tried> = ATTEMPTS
        .iter()
        .map(|entry| tried(entry.id, Finding::Stopped, Control::Worked))
        .collect();
    if let Some(other) = other {
        all.retain(|tried| tried.id != other.id);
        all.push(other);
    }
    AttackReport {
        sidecar: None,
        tried: all,
    }
}

fn rows(report: &AttackReport, arrivals: &Arrivals, host_access: HostAccess) -> Vec<Row> {
    let known = Known {
        arrivals,
        deaf: None,
        scope: Scope::Own,
        host_access,
    };
    judge(report, known)
}

fn result_of(id: &str, rows: &[Row]) -> Verdict {
    rows.iter().find(|row| row.id == id).unwrap().result
}

#[test]
fn a_wall_holds_when_each_attempt_was_stopped_and_each_control_worked() {
    let all = rows(&report(None), &Arrivals::new(), HostAccess::Refuse);
    assert_eq!(all.len(), ATTEMPTS.len());
    assert!(Verified::new("b", "x", all).held);
    assert!(!Verified::new("b", "x", Vec::new()).held);
    for (other, expected) in [
        (
            tried("vsock", Finding::Through, Control::Worked),
            Verdict::Open,
        ),
        (
            tried("vsock", Finding::Through, Control::Failed),
            Verdict::Open,
        ),
        (
            tried("vsock", Finding::Unclear, Control::Worked),
            Verdict::Inconclusive,
        ),
        (
            tried("vsock", Finding::Stopped, Control::Failed),
            Verdict::Inconclusive,
        ),
    ] {
        let all = rows(
            &report(Some(other.clone())),
            &Arrivals::new(),
            HostAccess::Warn,
        );
        assert_eq!(result_of("vsock", &all), expected, "{other:?}");
        assert!(!Verified::new("b", "x", all).held);
    }
}

#[test]
fn an_attempt_that_is_missing_proves_nothing() {
    let mut report = report(None);
    report.tried.retain(|tried| tried.id != "mount");
    let all = rows(&report, &Arrivals::new(), HostAccess::Refuse);
    assert_eq!(result_of("mount", &all), Verdict::Inconclusive);
}

#[test]
fn what_arrived_counts_whatever_was_seen_inside() {
    let from = BTreeSet::from(["10.0.0.2".parse().unwrap()]);
    for (name, id) in [("tcp-host", "tcp-host"), ("followed", "proxy-redirect")] {
        let arrivals = Arrivals::from([(name.to_owned(), from.clone())]);
        let all = rows(&report(None), &arrivals, HostAccess::Refuse);
        assert_eq!(result_of(id, &all), Verdict::Open, "{id}");
    }
    // What the redirect itself was asked by is the route's own.
    let arrivals = Arrivals::from([("redirect".to_owned(), from)]);
    let all = rows(&report(None), &arrivals, HostAccess::Refuse);
    assert_eq!(result_of("proxy-redirect", &all), Verdict::Held);
}

#[test]
fn only_the_hosts_own_services_can_be_accepted() {
    for (id, access, expected) in [
        ("tcp-host", HostAccess::Warn, Verdict::Accepted),
        ("tcp-host", HostAccess::Refuse, Verdict::Open),
        ("tcp-sidecar-egress", HostAccess::Warn, Verdict::Open),
        ("host-sockets", HostAccess::Warn, Verdict::Open),
    ] {
        let through = tried(id, Finding::Through, Control::Worked);
        let all = rows(&report(Some(through)), &Arrivals::new(), access);
        assert_eq!(result_of(id, &all), expected, "{id} {access:?}");
    }
}

#[test]
fn a_witness_that_hears_nothing_proves_nothing_about_the_network() {
    let arrivals = Arrivals::new();
    let known = Known {
        arrivals: &arrivals,
        deaf: Some("deaf"),
        scope: Scope::Every,
        host_access: HostAccess::Refuse,
    };
    let all = judge(&report(None), known);
    assert_eq!(result_of("tcp-host", &all), Verdict::Inconclusive);
    assert_eq!(result_of("mount", &all), Verdict::Held);
    assert!(
        all.iter().all(|row| row.id != "fork-bomb"),
        "it needs a bottle of its own"
    );
}
