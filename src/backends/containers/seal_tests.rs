//! What a probe's report means.

use super::*;

fn around() -> Surroundings {
    Surroundings {
        routed: false,
        sidecar: Some("172.20.0.2:3128".parse().unwrap()),
        sidecar_egress: Some("172.21.0.2".parse().unwrap()),
        internal_gateways: vec!["172.20.0.1".parse().unwrap()],
        egress_gateways: vec!["172.21.0.1".parse().unwrap()],
        host: vec!["192.0.2.2".parse().unwrap()],
        beyond: vec![
            "198.51.100.53:53".parse().unwrap(),
            "192.0.2.2:443".parse().unwrap(),
        ],
        host_answers: false,
    }
}

fn result(target: TargetKind, how: How, to: &str, outcome: Outcome) -> AttemptResult {
    let attempt = Attempt {
        target,
        how,
        to: to.parse().unwrap(),
        origin: Origin::Asked,
    };
    AttemptResult { attempt, outcome }
}

fn yes() -> Outcome {
    Outcome::Answered {
        detail: String::new(),
    }
}

fn control() -> AttemptResult {
    result(TargetKind::Sidecar, How::Tcp, "172.20.0.2:3128", yes())
}

fn check(results: Vec<AttemptResult>, arrivals: &[SocketAddr]) -> Result<(usize, usize), String> {
    let report = ProbeReport {
        addresses: Vec::new(),
        gateways: Vec::new(),
        resolvers: Vec::new(),
        results,
    };
    judge(&around(), &report, arrivals, 9)
        .map(|findings| (findings.holes.len(), findings.host_access.len()))
}

#[test]
fn silence_all_around_is_sealed() {
    let silent = result(TargetKind::Host, How::Tcp, "192.0.2.2:9", Outcome::Silent);
    assert_eq!(check(vec![control(), silent], &[]), Ok((0, 0)));
}

#[test]
fn without_its_positive_control_a_probe_proves_nothing() {
    assert!(check(Vec::new(), &[]).is_err());
    let refused = result(
        TargetKind::Sidecar,
        How::Tcp,
        "172.20.0.2:3128",
        Outcome::Refused,
    );
    assert!(check(vec![refused], &[]).is_err());
}

#[test]
fn each_kind_of_answer_is_a_finding() {
    use How::{Dns, Tcp, Udp};
    use TargetKind::{Host, InternalGateway, Outside, Resolver, SidecarEgress};
    let declined = || Outcome::Declined {
        detail: "REFUSED".to_owned(),
    };
    for (target, how, to, outcome, expected) in [
        (Host, Tcp, "192.0.2.2:9", yes(), (0, 1)),
        (Host, Udp, "192.0.2.2:9", Outcome::Refused, (0, 1)),
        (
            InternalGateway,
            Tcp,
            "172.20.0.1:9",
            Outcome::Refused,
            (0, 1),
        ),
        (SidecarEgress, Tcp, "172.21.0.2:3128", yes(), (1, 0)),
        (Resolver, Dns, "127.0.0.11:53", yes(), (1, 0)),
        (Resolver, Dns, "127.0.0.11:53", Outcome::Refused, (0, 0)),
        (Resolver, Dns, "172.20.0.1:53", declined(), (0, 0)),
        (Resolver, Tcp, "127.0.0.11:53", yes(), (0, 0)),
        (InternalGateway, Dns, "172.20.0.1:53", yes(), (1, 0)),
        (Host, Dns, "192.0.2.2:53", yes(), (1, 0)),
        (Resolver, Tcp, "10.0.0.53:53", yes(), (1, 0)),
        (Outside, Tcp, "198.51.100.53:53", Outcome::Refused, (1, 0)),
        (Outside, Dns, "198.51.100.53:53", declined(), (1, 0)),
        (Outside, Dns, "198.51.100.53:53", Outcome::Silent, (0, 0)),
        // What the sidecar's own kernel refuses beside its port.
        (
            InternalGateway,
            Tcp,
            "172.20.0.2:9",
            Outcome::Refused,
            (0, 0),
        ),
    ] {
        let found = check(vec![control(), result(target, how, to, outcome)], &[]);
        assert_eq!(found, Ok(expected), "{target} {how} {to}");
    }
}

#[test]
fn a_network_that_is_routed_is_a_hole_even_in_silence() {
    let report = ProbeReport {
        addresses: Vec::new(),
        gateways: Vec::new(),
        resolvers: Vec::new(),
        results: vec![control()],
    };
    for routed in [true, false] {
        let around = Surroundings { routed, ..around() };
        let found = judge(&around, &report, &[], 9).unwrap();
        assert_eq!(found.holes.len(), usize::from(routed));
    }
}

#[test]
fn an_arrival_counts_whatever_the_agent_saw() {
    assert_eq!(
        check(vec![control()], &["172.20.0.3:4000".parse().unwrap()]),
        Ok((0, 1))
    );
}

#[test]
fn a_hole_is_never_excused_and_the_host_only_by_warn() {
    let findings = |holes: usize, host: usize| Findings {
        holes: vec!["hole".to_owned(); holes],
        host_access: vec!["host".to_owned(); host],
    };
    for (holes, host, access, expected) in [
        (0, 0, HostAccess::Refuse, Some(0)),
        (0, 2, HostAccess::Warn, Some(2)),
        (0, 1, HostAccess::Refuse, None),
        (1, 0, HostAccess::Warn, None),
        (1, 1, HostAccess::Warn, None),
    ] {
        let warnings = accept(findings(holes, host), access)
            .ok()
            .map(|warnings| warnings.len());
        assert_eq!(warnings, expected, "{holes} {host} {access:?}");
    }
}

#[test]
fn what_answers_at_one_address_is_one_finding_with_its_ports() {
    let gateway = |port: u16, outcome| {
        let to = format!("172.20.0.1:{port}");
        result(TargetKind::InternalGateway, How::Tcp, &to, outcome)
    };
    let report = |results| ProbeReport {
        addresses: Vec::new(),
        gateways: Vec::new(),
        resolvers: Vec::new(),
        results,
    };
    let open = report(vec![
        control(),
        gateway(5000, yes()),
        gateway(22, yes()),
        gateway(80, Outcome::Refused),
    ]);
    let there = "the host is there: the internal network's gateway 172.20.0.1";
    assert_eq!(
        judge(&around(), &open, &[], 9).unwrap().host_access,
        [
            there,
            "services of the host answer at the internal network's gateway 172.20.0.1: TCP 22, 5000"
        ]
    );
    // Our own listener is no service of the host's.
    for outcome in [Outcome::Refused, yes()] {
        let ours = report(vec![control(), gateway(9, outcome)]);
        assert_eq!(
            judge(&around(), &ours, &[], 9).unwrap().host_access,
            [there]
        );
    }
}

#[test]
fn the_hosts_services_are_tried_where_it_is_the_gateway_and_what_is_beyond_it_everywhere() {
    for host_answers in [true, false] {
        let around = Surroundings {
            host_answers,
            ..around()
        };
        let request = request(&around, "t".to_owned(), "n.example.com".to_owned(), 4000);
        let tried = |how, to: &str| {
            let to: SocketAddr = to.parse().unwrap();
            request
                .attempts
                .iter()
                .any(|attempt| attempt.how == how && attempt.to == to)
        };
        assert_eq!(tried(How::Tcp, "172.20.0.1:22"), host_answers);
        assert!(tried(How::Tcp, "198.51.100.53:53"));
        assert!(tried(How::Dns, "198.51.100.53:53"));
        // A pinned origin on the host itself is the host.
        assert!(!tried(How::Tcp, "192.0.2.2:443"));
    }
}

#[test]
fn every_address_is_tried_by_tcp_and_udp() {
    let request = request(&around(), "t".to_owned(), "n.example.com".to_owned(), 4000);
    let tried = |target, how| {
        request
            .attempts
            .iter()
            .filter(|a| a.target == target && a.how == how)
            .count()
    };
    for target in [
        TargetKind::Host,
        TargetKind::InternalGateway,
        TargetKind::EgressGateway,
    ] {
        assert_eq!(
            (tried(target, How::Tcp), tried(target, How::Udp)),
            (1, 1),
            "{target}"
        );
    }
    assert_eq!(tried(TargetKind::SidecarEgress, How::Tcp), 2);
    assert_eq!(tried(TargetKind::Resolver, How::Dns), 3);
    assert_eq!(tried(TargetKind::Sidecar, How::Tcp), 1);
}
