//! What a probe's report means: sealed, or a hole with its name. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use bottle_contract::probe::{
    Attempt, AttemptResult, How, Origin, Outcome, ProbeReport, ProbeRequest, TargetKind,
};

use crate::backends::backend::BackendError;
use crate::backends::request::HostAccess;

/// How long one attempt may take. A packet crosses a bridge of this machine in well under a
/// millisecond; silence for this long means that nobody took it.
const ATTEMPT_MILLIS: u64 = 200;

/// What is around the agent, as seen from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Whether the engine routes what the agent sends to elsewhere: it says so, or does not deny it.
    pub(super) routed: bool,
    /// The sidecar's port on the internal network: the one thing that may answer.
    pub(super) sidecar: Option<SocketAddr>,
    /// The sidecar's address on the egress network.
    pub(super) sidecar_egress: Option<IpAddr>,
    /// The gateways of the internal network, also where the engine only reserves them.
    pub(super) internal_gateways: Vec<IpAddr>,
    /// The gateways of the egress network.
    pub(super) egress_gateways: Vec<IpAddr>,
    /// The host's own addresses.
    pub(super) host: Vec<IpAddr>,
}

/// What was found, by what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Ways out that nothing excuses.
    pub(super) holes: Vec<String>,
    /// Ways to the host's own services: `host-access` decides about these.
    pub(super) host_access: Vec<String>,
}

/// Writes down what is to be tried.
pub(super) fn request(
    around: &Surroundings,
    token: String,
    random_name: String,
    oracle_port: u16,
) -> ProbeRequest {
    let mut attempts = BTreeSet::new();
    let mut add = |target, how, to| {
        attempts.insert(Attempt {
            target,
            how,
            to,
            origin: Origin::Asked,
        })
    };
    if let Some(sidecar) = around.sidecar {
        add(TargetKind::Sidecar, How::Tcp, sidecar);
    }
    let kinds = [
        (TargetKind::Host, around.host.as_slice()),
        (TargetKind::InternalGateway, &around.internal_gateways),
        (TargetKind::EgressGateway, &around.egress_gateways),
        (TargetKind::SidecarEgress, around.sidecar_egress.as_slice()),
    ];
    for (target, addresses) in kinds {
        for address in addresses {
            add(target, How::Tcp, SocketAddr::new(*address, oracle_port));
            add(target, How::Udp, SocketAddr::new(*address, oracle_port));
        }
    }
    if let (Some(egress), Some(sidecar)) = (around.sidecar_egress, around.sidecar) {
        add(
            TargetKind::SidecarEgress,
            How::Tcp,
            SocketAddr::new(egress, sidecar.port()),
        );
    }
    for gateway in around
        .internal_gateways
        .iter()
        .chain(&around.egress_gateways)
    {
        add(
            TargetKind::Resolver,
            How::Dns,
            SocketAddr::new(*gateway, 53),
        );
    }
    ProbeRequest {
        token,
        attempts: attempts.into_iter().collect(),
        random_name,
        oracle_port,
        timeout_millis: ATTEMPT_MILLIS,
    }
}

/// Says what a report means, together with what arrived at the oracle.
///
/// `Err` when the probe proves nothing: its positive control failed.
pub(super) fn judge(
    around: &Surroundings,
    report: &ProbeReport,
    arrivals: &[SocketAddr],
) -> Result<Findings, String> {
    if !report
        .results
        .iter()
        .any(|result| result.attempt.target == TargetKind::Sidecar && answered(result))
    {
        return Err(
            "the probe could not reach the sidecar, so what else it could not reach proves nothing"
                .to_owned(),
        );
    }
    let mut findings = Findings::default();
    if around.routed {
        findings.holes.push(
            "the engine did not make the agent's network an internal one, so it routes what the agent sends"
                .to_owned(),
        );
    }
    let from: BTreeSet<IpAddr> = arrivals
        .iter()
        .map(|from| from.ip().to_canonical())
        .collect();
    findings.host_access.extend(
        from.into_iter()
            .map(|from| format!("packets of the agent's arrived at the host, from {from}")),
    );
    for address in report.addresses.iter().filter(|address| address.is_ipv6()) {
        findings.host_access.push(format!(
            "the agent has the IPv6 address {address}, by which the host's bridge can be reached"
        ));
    }
    for result in &report.results {
        judge_attempt(around, result, &mut findings);
    }
    Ok(findings)
}

/// Decides about what the probe found: a hole is never excused, the host's own services are by `warn`.
pub(super) fn accept(
    findings: Findings,
    host_access: HostAccess,
) -> Result<Vec<String>, BackendError> {
    let Findings {
        mut holes,
        host_access: found,
    } = findings;
    // Only the host's own services can be accepted.
    let hint = if holes.is_empty() {
        "use another backend, or accept the host's own services with `host-access = \"warn\"` in `[seal]`"
    } else {
        "use another backend; `bottle doctor` says what each can do"
    };
    match host_access {
        HostAccess::Warn if holes.is_empty() => {
            return Ok(found
                .into_iter()
                .map(|what| format!("the host can be reached from inside: {what}"))
                .collect());
        }
        HostAccess::Warn => {}
        HostAccess::Refuse => holes.extend(found),
    }
    if holes.is_empty() {
        return Ok(Vec::new());
    }
    Err(BackendError::NotSealed {
        holes,
        hint: hint.to_owned(),
    })
}

fn judge_attempt(around: &Surroundings, result: &AttemptResult, findings: &mut Findings) {
    let to = result.attempt.to.ip();
    let to_sidecar = around.sidecar.is_some_and(|sidecar| sidecar.ip() == to);
    // The sidecar's own kernel refuses its other ports, and what the agent tells itself goes nowhere.
    if to_sidecar || to.is_loopback() && result.attempt.how != How::Dns {
        return;
    }
    let words = format!("{}: {}", result.attempt, describe(&result.outcome));
    match (result.attempt.target, &result.outcome) {
        // A resolver that refuses, or whose port is closed, leads nowhere.
        (_, Outcome::Unreachable { .. } | Outcome::Silent)
        | (TargetKind::Sidecar, _)
        | (TargetKind::Resolver, Outcome::Refused) => {}
        (TargetKind::Resolver, Outcome::Answered { .. }) => findings.holes.push(words),
        (TargetKind::SidecarEgress, Outcome::Answered { .. } | Outcome::Refused) => {
            findings.holes.push(words);
        }
        // A refusal is an answer too: the host's kernel is there, and so may be its services.
        (
            TargetKind::Host | TargetKind::InternalGateway | TargetKind::EgressGateway,
            Outcome::Answered { .. } | Outcome::Refused,
        ) => findings.host_access.push(words),
    }
}

fn answered(result: &AttemptResult) -> bool {
    matches!(result.outcome, Outcome::Answered { .. })
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { detail } if detail.is_empty() => "answered".to_owned(),
        Outcome::Answered { detail } => format!("answered ({detail})"),
        Outcome::Refused => "refused, so something is there".to_owned(),
        Outcome::Unreachable { error } => format!("unreachable ({error})"),
        Outcome::Silent => "silent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            routed: false,
            sidecar: Some("172.20.0.2:3128".parse().unwrap()),
            sidecar_egress: Some("172.21.0.2".parse().unwrap()),
            internal_gateways: vec!["172.20.0.1".parse().unwrap()],
            egress_gateways: vec!["172.21.0.1".parse().unwrap()],
            host: vec!["192.0.2.2".parse().unwrap()],
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

    fn check(
        results: Vec<AttemptResult>,
        arrivals: &[SocketAddr],
    ) -> Result<(usize, usize), String> {
        let report = ProbeReport {
            addresses: Vec::new(),
            gateways: Vec::new(),
            resolvers: Vec::new(),
            results,
        };
        judge(&around(), &report, arrivals)
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
        for (target, how, to, outcome, expected) in [
            (TargetKind::Host, How::Tcp, "192.0.2.2:9", yes(), (0, 1)),
            (
                TargetKind::Host,
                How::Udp,
                "192.0.2.2:9",
                Outcome::Refused,
                (0, 1),
            ),
            (
                TargetKind::InternalGateway,
                How::Tcp,
                "172.20.0.1:9",
                Outcome::Refused,
                (0, 1),
            ),
            (
                TargetKind::SidecarEgress,
                How::Tcp,
                "172.21.0.2:3128",
                yes(),
                (1, 0),
            ),
            (
                TargetKind::Resolver,
                How::Dns,
                "127.0.0.11:53",
                yes(),
                (1, 0),
            ),
            (
                TargetKind::Resolver,
                How::Dns,
                "127.0.0.11:53",
                Outcome::Refused,
                (0, 0),
            ),
            (
                TargetKind::Resolver,
                How::Tcp,
                "127.0.0.11:53",
                yes(),
                (0, 0),
            ),
            (
                TargetKind::Resolver,
                How::Tcp,
                "10.0.0.53:53",
                yes(),
                (1, 0),
            ),
            (
                TargetKind::InternalGateway,
                How::Tcp,
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
            let found = judge(&around, &report, &[]).unwrap();
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
        assert_eq!(tried(TargetKind::Resolver, How::Dns), 2);
        assert_eq!(tried(TargetKind::Sidecar, How::Tcp), 1);
    }
}
