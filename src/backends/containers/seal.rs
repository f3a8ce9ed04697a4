//! What a probe's report means: sealed, or a hole with its name. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use bottle_contract::probe::{
    Attempt, AttemptResult, How, Origin, Outcome, ProbeReport, ProbeRequest, TargetKind,
};

use crate::backends::backend::BackendError;
use crate::backends::request::HostAccess;

/// How long one attempt may take. A packet crosses a bridge of this machine in well under a
/// millisecond; silence for this long means that nobody took it.
const ATTEMPT_MILLIS: u64 = 200;
/// How long a resolver, or whoever is outside, may take where the host is the gateway and may pass
/// on what it gets: as long as a resolver waits for another one. All wait at the same time.
const FAR_MILLIS: u64 = 3000;

/// The port on which resolvers answer.
const DNS: u16 = 53;
/// Ports on which a developer's machine often listens, tried where the host is the gateway: remote
/// login, files, printing, screens, and what web, database, container and model servers take.
const HOST_PORTS: [u16; 26] = [
    22, 53, 80, 88, 139, 443, 445, 548, 631, 1080, 2375, 3000, 3128, 3283, 3306, 5000, 5432, 5900,
    6379, 7000, 8000, 8080, 8443, 9200, 11434, 27017,
];

/// What is around the agent, as seen from outside.
#[derive(Clone, Debug, Default)]
pub(in crate::backends) struct Surroundings {
    /// Whether the engine routes what the agent sends to elsewhere: it says so, or does not deny it.
    pub(in crate::backends) routed: bool,
    /// The sidecar's port on the internal network: the one thing that may answer.
    pub(in crate::backends) sidecar: Option<SocketAddr>,
    /// The sidecar's address on the egress network.
    pub(in crate::backends) sidecar_egress: Option<IpAddr>,
    /// The gateways of the internal network, also where the engine only reserves them.
    pub(in crate::backends) internal_gateways: Vec<IpAddr>,
    /// The gateways of the egress network.
    pub(in crate::backends) egress_gateways: Vec<IpAddr>,
    /// The host's own addresses.
    pub(in crate::backends) host: Vec<IpAddr>,
    /// Addresses beyond the host that are known to answer, and that only the sidecar may reach.
    pub(in crate::backends) beyond: Vec<SocketAddr>,
    /// Whether the host is the internal network's gateway, so that its services are worth a look.
    pub(in crate::backends) host_answers: bool,
}

/// What was found, by what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::backends) struct Findings {
    /// Ways out that nothing excuses.
    pub(in crate::backends) holes: Vec<String>,
    /// Ways to the host's own services: `host-access` decides about these.
    pub(in crate::backends) host_access: Vec<String>,
}

/// Writes down what is to be tried.
pub(in crate::backends) fn request(
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
    if around.host_answers {
        for gateway in &around.internal_gateways {
            for port in HOST_PORTS {
                add(
                    TargetKind::InternalGateway,
                    How::Tcp,
                    SocketAddr::new(*gateway, port),
                );
            }
        }
    }
    for beyond in beyond(around) {
        add(TargetKind::Outside, How::Tcp, beyond);
        if beyond.port() == DNS {
            add(TargetKind::Outside, How::Dns, beyond);
        }
    }
    // The host's other networks have resolvers of their own, which may answer there as well.
    let resolvers: BTreeSet<&IpAddr> = around
        .internal_gateways
        .iter()
        .chain(&around.egress_gateways)
        .chain(&around.host)
        .collect();
    for gateway in resolvers {
        add(
            TargetKind::Resolver,
            How::Dns,
            SocketAddr::new(*gateway, DNS),
        );
    }
    ProbeRequest {
        token,
        attempts: attempts.into_iter().collect(),
        random_name,
        oracle_port,
        timeout_millis: ATTEMPT_MILLIS,
        far_timeout_millis: around.host_answers.then_some(FAR_MILLIS),
    }
}

/// An address of the host's own is none beyond it, whatever it is used for.
pub(in crate::backends) fn beyond(around: &Surroundings) -> impl Iterator<Item = SocketAddr> {
    let near: Vec<IpAddr> = around
        .host
        .iter()
        .chain(&around.internal_gateways)
        .chain(&around.egress_gateways)
        .copied()
        .chain(around.sidecar_egress)
        .collect();
    around
        .beyond
        .iter()
        .copied()
        .filter(move |to| !near.contains(&to.ip()) && !to.ip().is_loopback())
}

/// Says what a report means, together with what arrived at the oracle.
///
/// `Err` when the probe proves nothing: its positive control failed.
pub(in crate::backends) fn judge(
    around: &Surroundings,
    report: &ProbeReport,
    arrivals: &[SocketAddr],
    oracle_port: u16,
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
    let mut seen = Seen::default();
    for result in &report.results {
        judge_attempt(around, result, &mut findings, &mut seen);
    }
    findings.host_access.extend(seen.describe(oracle_port));
    Ok(findings)
}

/// What answered at the host's addresses: the ports of each, and what the address is.
#[derive(Debug, Default)]
struct Seen(BTreeMap<IpAddr, (TargetKind, BTreeSet<u16>)>);

impl Seen {
    fn add(&mut self, attempt: &Attempt, open: Option<u16>) {
        let (kind, ports) = self
            .0
            .entry(attempt.to.ip())
            .or_insert_with(|| (attempt.target, BTreeSet::new()));
        // The same address may be the host's and a gateway: the latter tells more.
        *kind = attempt.target.max(*kind);
        ports.extend(open);
    }

    /// One line for all addresses, and one for each that has open ports beside our own listener's.
    fn describe(mut self, oracle_port: u16) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let names: Vec<String> = self
            .0
            .iter()
            .map(|(at, (kind, _))| format!("{kind} {at}"))
            .collect();
        let mut lines = vec![format!("the host is there: {}", names.join(", "))];
        for (at, (kind, ports)) in &mut self.0 {
            ports.remove(&oracle_port);
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            if !ports.is_empty() {
                lines.push(format!(
                    "services of the host answer at {kind} {at}: TCP {}",
                    ports.join(", ")
                ));
            }
        }
        lines
    }
}

/// Decides about what the probe found: a hole is never excused, the host's own services are by `warn`.
pub(in crate::backends) fn accept(
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

fn judge_attempt(
    around: &Surroundings,
    result: &AttemptResult,
    findings: &mut Findings,
    seen: &mut Seen,
) {
    let to = result.attempt.to;
    let to_sidecar = around
        .sidecar
        .is_some_and(|sidecar| sidecar.ip() == to.ip());
    // The sidecar's own kernel refuses its other ports, and what the agent tells itself goes nowhere.
    if to_sidecar || to.ip().is_loopback() && result.attempt.how != How::Dns {
        return;
    }
    let words = || format!("{}: {}", result.attempt, describe(&result.outcome));
    match (result.attempt.target, &result.outcome) {
        // A resolver that refuses, or whose port is closed, leads nowhere.
        (_, Outcome::Unreachable { .. } | Outcome::Silent)
        | (TargetKind::Sidecar, _)
        | (TargetKind::Resolver, Outcome::Refused | Outcome::Declined { .. }) => {}
        // Whoever answers for a name carries what the name holds.
        (_, Outcome::Answered { .. }) if result.attempt.how == How::Dns => {
            findings.holes.push(words());
        }
        (TargetKind::Resolver, Outcome::Answered { .. })
        | (
            TargetKind::SidecarEgress | TargetKind::Outside,
            Outcome::Answered { .. } | Outcome::Refused | Outcome::Declined { .. },
        ) => findings.holes.push(words()),
        // A refusal is an answer too: the host's kernel is there, and so may be its services.
        (
            TargetKind::Host | TargetKind::InternalGateway | TargetKind::EgressGateway,
            Outcome::Answered { .. } | Outcome::Refused | Outcome::Declined { .. },
        ) => {
            let open = answered(result) && result.attempt.how == How::Tcp;
            seen.add(&result.attempt, open.then_some(to.port()));
        }
    }
}

fn answered(result: &AttemptResult) -> bool {
    matches!(result.outcome, Outcome::Answered { .. })
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { detail } if detail.is_empty() => "answered".to_owned(),
        Outcome::Answered { detail } => format!("answered ({detail})"),
        Outcome::Declined { detail } => format!("would not answer ({detail})"),
        Outcome::Refused => "refused, so something is there".to_owned(),
        Outcome::Unreachable { error } => format!("unreachable ({error})"),
        Outcome::Silent => "silent".to_owned(),
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
