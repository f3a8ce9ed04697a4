//! Routes to addresses that no bottle should have one to. Nothing is sent: connecting a socket of
//! datagrams only asks the kernel for a route.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use bottle_contract::attack::Tried;

use super::rows::{Checked, Seen, checked, row, stopped, through, worst};
use super::scene::Scene;

/// What is asked for, by attempt. Public addresses are those that are reserved for documentation.
const PLACES: [(&str, &[&str]); 6] = [
    (
        "route-internet",
        &["192.0.2.1", "198.51.100.1", "203.0.113.1"],
    ),
    ("route-internet-v6", &["2001:db8::1", "3fff::1"]),
    (
        "route-private",
        &[
            "10.255.255.1",
            "172.31.255.1",
            "192.168.255.1",
            "100.127.255.1",
        ],
    ),
    ("route-private-v6", &["fdff:ffff::1"]),
    ("route-link-local", &["169.254.255.1"]),
    ("route-metadata", &["169.254.169.254", "fd00:ec2::254"]),
];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let control = || control(scene);
    let mut rows: Vec<Tried> = PLACES
        .iter()
        .map(|(id, places)| row(id, routes(scene, places), control()))
        .collect();
    rows.push(row("one-network", one_network(scene), control()));
    rows
}

fn routes(scene: &Scene, places: &[&str]) -> Seen {
    let places = places.iter().filter_map(|place| place.parse().ok());
    let gateways: Vec<String> = scene
        .around
        .gateways
        .iter()
        .map(|gateway| gateway.ip().to_string())
        .collect();
    worst(places.map(|place: IpAddr| match route(place) {
        // The bottle's own network may be a part of a private one.
        Ok(own) if near(own, place) => stopped(format!("{place}: in the bottle's own network")),
        Ok(own) if gateways.is_empty() => through(format!("{place}: a route from {own}")),
        Ok(own) => through(format!(
            "{place}: a route from {own} by {}",
            gateways.join(", ")
        )),
        Err(error) => stopped(format!("{place}: {error}")),
    }))
}

/// Returns the own address that a route begins with.
fn route(to: IpAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = match to {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(SocketAddr::new(to, 9))?;
    Ok(socket.local_addr()?.ip())
}

/// Tells whether two addresses share their first half, as those of one network do.
fn near(own: IpAddr, other: IpAddr) -> bool {
    match (own, other) {
        (IpAddr::V4(own), IpAddr::V4(other)) => own.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(own), IpAddr::V6(other)) => own.segments()[..4] == other.segments()[..4],
        (IpAddr::V4(_) | IpAddr::V6(_), _) => false,
    }
}

/// More than one address of IPv4 is more than one network.
fn one_network(scene: &Scene) -> Seen {
    let own: Vec<String> = scene
        .around
        .addresses
        .iter()
        .filter(|address| address.is_ipv4())
        .map(ToString::to_string)
        .collect();
    match own.len() {
        0 => stopped("loopback only"),
        1 => stopped(format!("one address: {}", own.join(", "))),
        _ => through(format!("several addresses: {}", own.join(", "))),
    }
}

/// The sidecar has a route.
fn control(scene: &Scene) -> Checked {
    let Some(sidecar) = scene.sidecar else {
        return Err("no variable names the sidecar".to_owned());
    };
    checked(
        &format!("there is a route to the sidecar at {sidecar}"),
        route(sidecar.ip()),
    )
}
