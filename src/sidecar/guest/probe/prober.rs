//! Puts the attempts together, makes them all at once, and reports what each saw.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use bottle_contract::probe::{
    Attempt, AttemptResult, How, Origin, ProbeReport, ProbeRequest, TargetKind,
};

use super::attempt::{Means, try_one};
use super::dns::{self, DNS_PORT};
use super::surroundings::{State, Surroundings};
use crate::guest::input;
use crate::guest::limits::{ATTEMPT_MILLIS, ATTEMPT_STACK, ATTEMPTS, SETTLE, SETTLE_STEP};

/// Reads the request from standard input and answers on standard output.
pub(in crate::guest) fn from_stdin() -> anyhow::Result<()> {
    let request: ProbeRequest = input::read(std::io::stdin().lock())?;
    let report = probe(&request, &settled_surroundings()?)?;
    input::write(std::io::stdout().lock(), &report)
}

/// Waits until the kernel lets every own address be used: before that, ways look closed that are not.
fn settled_surroundings() -> anyhow::Result<Surroundings> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let surroundings = Surroundings::look()?;
        match surroundings.state {
            State::Settled => return Ok(surroundings),
            State::Tentative if Instant::now() < deadline => thread::park_timeout(SETTLE_STEP),
            State::Tentative => bail!(
                "an IPv6 address of this container was not ready after {} s",
                SETTLE.as_secs()
            ),
        }
    }
}

/// Makes every attempt that was asked for and every one that the surroundings suggest.
///
/// An attempt that could not be made at all fails the whole probe: it must not pass for a closed way.
fn probe(request: &ProbeRequest, surroundings: &Surroundings) -> anyhow::Result<ProbeReport> {
    for millis in [Some(request.timeout_millis), request.far_timeout_millis] {
        if millis.is_some_and(|millis| !(1..=ATTEMPT_MILLIS).contains(&millis)) {
            bail!("an attempt takes from 1 to {ATTEMPT_MILLIS} milliseconds");
        }
    }
    let mut attempts = request.attempts.clone();
    attempts.extend(found(request, surroundings));
    if attempts.len() > ATTEMPTS {
        bail!(
            "{} attempts are too many for one probe: at most {ATTEMPTS}",
            attempts.len()
        );
    }
    let query = dns::query(&request.random_name)?;
    // Each has its own time from its own start: a busy machine must not make an open way look silent.
    let means = |attempt: &Attempt| Means {
        token: request.token.as_bytes(),
        query: &query,
        link: surroundings.link,
        deadline: Instant::now() + patience(request, attempt),
    };
    Ok(ProbeReport {
        addresses: surroundings.addresses.iter().copied().collect(),
        gateways: surroundings.gateways.iter().map(SocketAddr::ip).collect(),
        resolvers: surroundings.resolvers.iter().map(SocketAddr::ip).collect(),
        results: try_all(attempts, &means)?,
    })
}

fn patience(request: &ProbeRequest, attempt: &Attempt) -> Duration {
    let far = attempt.how == How::Dns
        || matches!(attempt.target, TargetKind::Outside | TargetKind::Resolver);
    let millis = request.far_timeout_millis.filter(|_| far);
    Duration::from_millis(millis.unwrap_or(request.timeout_millis))
}

fn try_all<'a>(
    attempts: Vec<Attempt>,
    means: &(impl Fn(&Attempt) -> Means<'a> + Sync),
) -> anyhow::Result<Vec<AttemptResult>> {
    thread::scope(|scope| {
        let mut running = Vec::new();
        for attempt in attempts {
            let thread = thread::Builder::new()
                .stack_size(ATTEMPT_STACK)
                .spawn_scoped(scope, {
                    let attempt = attempt.clone();
                    move || try_one(&attempt, &means(&attempt))
                })
                .context("cannot start a thread")?;
            running.push((attempt, thread));
        }
        running
            .into_iter()
            .map(|(attempt, thread)| {
                let outcome = thread
                    .join()
                    .map_err(|_| anyhow!("the attempt crashed"))
                    .and_then(|outcome| outcome)
                    .with_context(|| format!("cannot try {attempt}"))?;
                Ok(AttemptResult { attempt, outcome })
            })
            .collect()
    })
}

/// Returns the attempts that the surroundings suggest and nobody asked for.
fn found(request: &ProbeRequest, surroundings: &Surroundings) -> Vec<Attempt> {
    // The sidecar is a neighbour whose ports were asked about; the own addresses lead nowhere.
    let mut known: BTreeSet<IpAddr> = surroundings.addresses.clone();
    let sidecars = request
        .attempts
        .iter()
        .filter(|attempt| attempt.target == TargetKind::Sidecar);
    known.extend(sidecars.map(|attempt| attempt.to.ip()));

    let near = [
        &surroundings.gateways,
        &surroundings.first_addresses,
        &surroundings.neighbours,
    ];
    let near = near
        .into_iter()
        .flatten()
        .filter(|place| !known.contains(&place.ip()))
        .flat_map(|place| {
            [
                (
                    TargetKind::InternalGateway,
                    How::Tcp,
                    at(*place, request.oracle_port),
                ),
                (
                    TargetKind::InternalGateway,
                    How::Udp,
                    at(*place, request.oracle_port),
                ),
                (TargetKind::InternalGateway, How::Dns, at(*place, DNS_PORT)),
            ]
        });
    let resolvers = surroundings.resolvers.iter().flat_map(|resolver| {
        [How::Dns, How::Tcp].map(|how| (TargetKind::Resolver, how, *resolver))
    });

    let mut seen: BTreeSet<(How, SocketAddr)> = request
        .attempts
        .iter()
        .map(|attempt| (attempt.how, attempt.to))
        .collect();
    // Resolvers first: that a gateway is one says more about it.
    resolvers
        .chain(near)
        .filter(|(_, how, to)| seen.insert((*how, *to)))
        .map(|(target, how, to)| Attempt {
            target,
            how,
            to,
            origin: Origin::Found,
        })
        .collect()
}

fn at(mut place: SocketAddr, port: u16) -> SocketAddr {
    place.set_port(port);
    place
}

#[cfg(test)]
#[path = "prober_tests.rs"]
mod tests;
