//! Attempts at addresses, made by the probe's own means, many at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use bottle_contract::probe::{Attempt, How, Origin, Outcome, TargetKind};

use super::rows::{Checked, Seen, checked, stopped, through, unclear, worst};
use super::scene::Scene;
use crate::guest::limits::{ANSWER_BYTES, CONTROL_WAIT};
use crate::guest::probe::{Means, query, try_one};

/// A name that nobody has: the last label is reserved for that.
pub(super) fn random_name(scene: &Scene) -> String {
    format!("{}.invalid", scene.request.token)
}

/// Makes one attempt with an id's token.
fn attempt(
    scene: &Scene,
    id: &str,
    what: (TargetKind, How, SocketAddr),
) -> anyhow::Result<Outcome> {
    attempt_within(scene.patience(), scene, id, what)
}

/// The same as a control: a busy machine must not make it look as if nobody answered.
pub(super) fn control(
    scene: &Scene,
    what: (TargetKind, How, SocketAddr),
) -> anyhow::Result<Outcome> {
    attempt_within(CONTROL_WAIT, scene, "control", what)
}

fn attempt_within(
    patience: Duration,
    scene: &Scene,
    id: &str,
    (target, how, to): (TargetKind, How, SocketAddr),
) -> anyhow::Result<Outcome> {
    let token = scene.token(id);
    let query = query(&random_name(scene))?;
    let means = Means {
        token: token.as_bytes(),
        query: &query,
        link: scene.around.link,
        deadline: Instant::now() + patience,
    };
    let attempt = Attempt {
        target,
        how,
        to,
        origin: Origin::Asked,
    };
    try_one(&attempt, &means)
}

/// Tries all of these at once; each that answers, or refuses, is there.
pub(super) fn all(
    scene: &Scene,
    id: &str,
    (target, how): (TargetKind, How),
    places: &[SocketAddr],
) -> Seen {
    thread::scope(|scope| {
        let running: Vec<_> = places
            .iter()
            .map(|to| scope.spawn(move || (to, attempt(scene, id, (target, how, *to)))))
            .collect();
        let seen = running.into_iter().map(|thread| match thread.join() {
            Ok((to, outcome)) => meaning(target, *to, outcome),
            Err(_) => unclear("an attempt crashed"),
        });
        worst(seen.collect::<Vec<_>>())
    })
}

fn meaning(target: TargetKind, to: SocketAddr, outcome: anyhow::Result<Outcome>) -> Seen {
    match outcome {
        Err(error) => unclear(format!("{to}: {error:#}")),
        Ok(Outcome::Silent) => stopped(format!("{to}: silent")),
        Ok(Outcome::Unreachable { error }) => stopped(format!("{to}: {error}")),
        // A resolver that refuses, or whose port is closed, leads nowhere.
        Ok(Outcome::Refused) if target == TargetKind::Resolver => stopped(format!("{to}: refused")),
        Ok(Outcome::Declined { detail }) if target == TargetKind::Resolver => {
            stopped(format!("{to}: would not answer ({detail})"))
        }
        Ok(Outcome::Refused) => through(format!("{to}: refused, so somebody is there")),
        Ok(Outcome::Declined { detail } | Outcome::Answered { detail }) => {
            through(format!("{to}: answered ({detail})"))
        }
    }
}

/// Puts a port to each address.
pub(super) fn at(port: u16, addresses: &[IpAddr]) -> Vec<SocketAddr> {
    addresses
        .iter()
        .map(|address| SocketAddr::new(*address, port))
        .collect()
}

/// The control for TCP: the sidecar's own port, by the same means.
pub(super) fn tcp_control(scene: &Scene) -> Checked {
    let Some(sidecar) = scene.sidecar else {
        return Err("no variable names the sidecar".to_owned());
    };
    match control(scene, (TargetKind::Sidecar, How::Tcp, sidecar)) {
        Ok(Outcome::Answered { .. }) => Ok(format!("{sidecar} takes a connection")),
        Ok(other) => Err(format!("the sidecar at {sidecar}: {other:?}")),
        Err(error) => Err(format!("the sidecar at {sidecar}: {error:#}")),
    }
}

/// The control for datagrams: a responder on loopback that gives back what it gets, by the same means.
/// With the highest bit of the third byte set, a query is an answer.
pub(super) fn datagram_control(scene: &Scene, how: How) -> Checked {
    let responder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
        socket.set_read_timeout(Some(CONTROL_WAIT))?;
        Ok((socket.local_addr()?, socket))
    });
    let (to, socket) = responder.map_err(|error| format!("a responder on loopback: {error}"))?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = [0; ANSWER_BYTES];
            if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                if let (How::Dns, Some(flags)) = (how, bytes.get_mut(2)) {
                    *flags |= 0x80;
                }
                // The attempt says whether it came.
                socket
                    .send_to(bytes.get(..length).unwrap_or_default(), from)
                    .ok();
            }
        });
        match control(scene, (TargetKind::Host, how, to)) {
            Ok(Outcome::Answered { .. }) => checked(
                "a responder on loopback answers",
                Ok::<_, std::convert::Infallible>(()),
            ),
            Ok(other) => Err(format!("a responder on loopback: {other:?}")),
            Err(error) => Err(format!("a responder on loopback: {error:#}")),
        }
    })
}
