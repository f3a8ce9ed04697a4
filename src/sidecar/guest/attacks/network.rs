//! Direct ways to the host, the gateways and the sidecar's other side, past the proxy.

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};

use bottle_contract::attack::Tried;
use bottle_contract::probe::{How, TargetKind};
use socket2::{Domain, Socket, Type};

use super::reach::{all, at, datagram_control, tcp_control};
use super::rows::{Checked, Seen, checked, row, stopped, through, worst};
use super::scene::Scene;

/// The kinds that stand for a network's gateway.
const GATEWAYS: &[TargetKind] = &[TargetKind::InternalGateway, TargetKind::EgressGateway];
const HOST: &[TargetKind] = &[TargetKind::Host];
const EGRESS: &[TargetKind] = &[TargetKind::SidecarEgress];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let version4: fn(&IpAddr) -> bool = IpAddr::is_ipv4;
    let version6: fn(&IpAddr) -> bool = IpAddr::is_ipv6;
    let any: fn(&IpAddr) -> bool = |_| true;
    let mut rows: Vec<Tried> = [
        ("tcp-host", How::Tcp, HOST, version4),
        ("tcp-host-v6", How::Tcp, HOST, version6),
        ("udp-host", How::Udp, HOST, version4),
        ("udp-host-v6", How::Udp, HOST, version6),
        ("tcp-gateways", How::Tcp, GATEWAYS, any),
        ("udp-gateways", How::Udp, GATEWAYS, any),
        ("tcp-sidecar-egress", How::Tcp, EGRESS, any),
        ("udp-sidecar-egress", How::Udp, EGRESS, any),
    ]
    .into_iter()
    .map(|(id, how, kinds, family)| {
        let mut addresses = scene.addresses(kinds);
        addresses.retain(family);
        let target = kinds.first().copied().unwrap_or(TargetKind::Host);
        let mut places = at(scene.request.witness_port, &addresses);
        if let (EGRESS, How::Tcp, Some(sidecar)) = (kinds, how, scene.sidecar) {
            places.extend(at(sidecar.port(), &addresses));
        }
        row(
            id,
            all(scene, id, (target, how), &places),
            control(scene, how),
        )
    })
    .collect();
    rows.push(row(
        "tcp-bound",
        bound(scene, "tcp-bound", tcp),
        bound_control(),
    ));
    rows.push(row(
        "udp-bound",
        bound(scene, "udp-bound", udp),
        bound_control(),
    ));
    rows
}

fn control(scene: &Scene, how: How) -> Checked {
    match how {
        How::Tcp => tcp_control(scene),
        How::Udp | How::Dns => datagram_control(scene, how),
    }
}

/// Sends a token by a socket that is bound to an interface.
type Send = fn(&str, SocketAddr, &str, &Scene) -> io::Result<String>;

/// A socket that is bound to an interface needs no route: the kernel takes the address for a neighbour.
fn bound(scene: &Scene, id: &str, send: Send) -> Seen {
    let mut places = at(scene.request.witness_port, &scene.addresses(HOST));
    places.retain(SocketAddr::is_ipv4);
    let interfaces = interfaces();
    let tries = interfaces
        .iter()
        .flat_map(|interface| places.iter().map(move |to| (interface, *to)));
    worst(tries.map(
        |(interface, to)| match send(interface, to, &scene.token(id), scene) {
            Ok(what) => through(format!("{to} by {interface}: {what}")),
            Err(error) => stopped(format!("{to} by {interface}: {error}")),
        },
    ))
}

fn tcp(interface: &str, to: SocketAddr, token: &str, scene: &Scene) -> io::Result<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.connect_timeout(&to.into(), scene.patience())?;
    TcpStream::from(socket).write_all(token.as_bytes())?;
    Ok("connected".to_owned())
}

/// A datagram that was sent is no proof: the witness says whether it came, and so does an answer.
fn udp(interface: &str, to: SocketAddr, token: &str, scene: &Scene) -> io::Result<String> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    let socket = UdpSocket::from(socket);
    socket.connect(to)?;
    socket.send(token.as_bytes())?;
    socket.set_read_timeout(Some(scene.patience()))?;
    let length = socket.recv(&mut [0; 512])?;
    Ok(format!("answered ({length} bytes)"))
}

/// The same on loopback: it can be bound to, and a listener there is reached by it. Datagrams begin
/// with the same two calls.
fn bound_control() -> Checked {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let address = listener.as_ref().map(std::net::TcpListener::local_addr);
    let Ok(Ok(address)) = address else {
        return Err("no listener on loopback".to_owned());
    };
    let made = Socket::new(Domain::IPV4, Type::STREAM, None).and_then(|socket| {
        socket.bind_device(Some(b"lo"))?;
        socket.connect(&address.into())
    });
    checked("a socket bound to `lo` reaches a listener there", made)
}

/// The interfaces that the kernel lists, but for loopback.
fn interfaces() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| name != "lo")
        .collect()
}
