//! Names asked of whoever might answer: the host, the gateways, the bottle's resolvers, the sidecar.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use bottle_contract::attack::Tried;
use bottle_contract::probe::{How, Outcome, TargetKind};

use super::proxy::{Proxy, refused};
use super::reach::{all, at, control, datagram_control, random_name};
use super::rows::{Checked, Seen, row, worst};
use super::scene::Scene;
use crate::guest::limits::ANSWER_BYTES;
use crate::guest::probe::DNS_PORT;

const NEAR: &[TargetKind] = &[
    TargetKind::Host,
    TargetKind::InternalGateway,
    TargetKind::EgressGateway,
];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let near = at(DNS_PORT, &scene.addresses(NEAR));
    let resolvers: Vec<SocketAddr> = scene.around.resolvers.iter().copied().collect();
    let sidecar: Vec<IpAddr> = scene.sidecar.iter().map(SocketAddr::ip).collect();
    let sidecar = at(DNS_PORT, &sidecar);
    let ask = |id, how, places: &[SocketAddr]| all(scene, id, (TargetKind::Resolver, how), places);
    let by_datagram = || datagram_control(scene, How::Dns);
    let by_stream = || stream_control(scene);
    let both = worst([
        ask("dns-sidecar", How::Dns, &sidecar),
        ask("dns-sidecar", How::Tcp, &sidecar),
    ]);
    vec![
        row("dns-host", ask("dns-host", How::Dns, &near), by_datagram()),
        row(
            "dns-host-tcp",
            ask("dns-host-tcp", How::Tcp, &near),
            by_stream(),
        ),
        row(
            "dns-resolvers",
            ask("dns-resolvers", How::Dns, &resolvers),
            by_datagram(),
        ),
        row(
            "dns-resolvers-tcp",
            ask("dns-resolvers-tcp", How::Tcp, &resolvers),
            by_stream(),
        ),
        row("dns-sidecar", both, by_datagram()),
        row("dns-by-connect", by_connect(scene), Proxy::control(scene)),
        row("dns-by-name", by_name(scene), Proxy::control(scene)),
    ]
}

/// A responder on loopback that turns a query into an answer, over TCP.
fn stream_control(scene: &Scene) -> Checked {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (to, listener) = listener.map_err(|error| format!("a listener on loopback: {error}"))?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut bytes = [0; ANSWER_BYTES];
            if let Ok(length) = stream.read(&mut bytes) {
                // After the two bytes of the length: the flag that makes it an answer.
                if let Some(flags) = bytes.get_mut(4) {
                    *flags |= 0x80;
                }
                // The attempt says whether it came.
                stream
                    .write_all(bytes.get(..length).unwrap_or_default())
                    .ok();
            }
        });
        match control(scene, (TargetKind::Resolver, How::Tcp, to)) {
            Ok(Outcome::Answered { .. }) => Ok("a responder on loopback answers".to_owned()),
            Ok(other) => Err(format!("a responder on loopback: {other:?}")),
            Err(error) => Err(format!("a responder on loopback: {error:#}")),
        }
    })
}

/// Tunnels to port 53 of whoever may be a resolver.
fn by_connect(scene: &Scene) -> Seen {
    let mut places = at(DNS_PORT, &scene.addresses(NEAR));
    places.extend(scene.around.resolvers.iter().copied());
    worst(places.into_iter().map(|place| {
        let words = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n");
        refused(&format!("CONNECT {place}"), Proxy::ask(scene, &words))
    }))
}

/// A denied name must be denied before it is looked up: the reason is the host, not that it has no address.
fn by_name(scene: &Scene) -> Seen {
    let name = random_name(scene);
    let words = format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n");
    let answer = Proxy::ask(scene, &words);
    if let Ok(answer) = &answer
        && answer.denied.as_deref() != Some("host")
    {
        return super::rows::through(format!("it was not denied by its name: {answer}"));
    }
    refused(&format!("CONNECT {name}"), answer)
}
