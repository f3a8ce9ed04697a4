//! Echo requests, by the sockets that need no privilege.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use bottle_contract::attack::Tried;
use bottle_contract::probe::TargetKind;
use socket2::{Domain, Protocol, Socket, Type};

use super::rows::{Checked, Seen, checked, row, stopped, through, worst};
use super::scene::Scene;
use crate::guest::limits::CONTROL_WAIT;

/// An echo request of IPv4 whose sums and numbers the kernel fills in.
const ECHO: [u8; 12] = [8, 0, 0, 0, 0, 0, 0, 1, b'b', b't', b'l', b'e'];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let gateways = [TargetKind::InternalGateway, TargetKind::EgressGateway];
    vec![
        row("icmp-host", all(scene, &[TargetKind::Host]), control()),
        row("icmp-gateways", all(scene, &gateways), control()),
    ]
}

fn all(scene: &Scene, kinds: &[TargetKind]) -> Seen {
    let addresses = scene.addresses(kinds);
    worst(
        addresses
            .into_iter()
            .filter(IpAddr::is_ipv4)
            .map(|address| match ping(address, scene.patience()) {
                Ok(()) => through(format!("{address}: answered")),
                Err(error) => stopped(format!("{address}: {error}")),
            }),
    )
}

fn ping(address: IpAddr, patience: Duration) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4))?;
    // Any socket of datagrams has these calls.
    let socket = UdpSocket::from(socket);
    socket.connect(SocketAddr::new(address, 0))?;
    socket.send(&ECHO)?;
    socket.set_read_timeout(Some(patience))?;
    socket.recv(&mut [0; 64]).map(drop)
}

/// Loopback answers. Where such sockets are denied altogether, the same call makes an ordinary one.
fn control() -> Checked {
    match ping(Ipv4Addr::LOCALHOST.into(), CONTROL_WAIT) {
        Ok(()) => Ok("loopback answers a ping".to_owned()),
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied) => checked(
            "sockets for pings are denied, and one for UDP is not",
            Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)),
        ),
        Err(error) => Err(format!("ping to loopback: {error}")),
    }
}
