//! Sockets that an agent has no use for.

use std::io;
use std::os::fd::OwnedFd;

use bottle_contract::attack::Tried;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, send,
    socket_with,
};

use super::rows::{Checked, Seen, checked, row, stopped, through, unclear, worst};
use super::scene::Scene;

/// Families that few programs use, each a part of the kernel of its own: IPX, X.25, keys, LLC, TIPC,
/// Bluetooth, IUCV, crypto, NFC, KCM, and XDP.
const ODD: [u16; 11] = [4, 9, 15, 26, 30, 31, 32, 38, 39, 41, 44];
const VSOCK: u16 = 40;

/// The kernel's numbers for making a route and for listing interfaces, and for its error message.
const NEW_ROUTE: u16 = 24;
const LIST_LINKS: u16 = 18;
const ERROR: u16 = 2;
/// "Request" with "acknowledge" and "create"; "request" with "dump".
const CREATE: u16 = 0x405;
const DUMP: u16 = 0x301;

/// Makes the attempts.
pub(super) fn rows(_scene: &Scene) -> Vec<Tried> {
    let raw = worst([
        denied(
            "IPv4",
            AddressFamily::INET,
            SocketType::RAW,
            Some(ipproto::ICMP),
        ),
        denied(
            "IPv6",
            AddressFamily::INET6,
            SocketType::RAW,
            Some(ipproto::ICMPV6),
        ),
    ]);
    let packet = denied("packet", AddressFamily::from_raw(17), SocketType::RAW, None);
    let vsock = denied(
        "vsock",
        AddressFamily::from_raw(VSOCK),
        SocketType::STREAM,
        None,
    );
    let odd = worst(ODD.into_iter().flat_map(|family| {
        [
            SocketType::STREAM,
            SocketType::DGRAM,
            SocketType::SEQPACKET,
            SocketType::RAW,
        ]
        .map(|kind| {
            denied(
                &format!("family {family}"),
                AddressFamily::from_raw(family),
                kind,
                None,
            )
        })
    }));
    vec![
        row("raw-ip", raw, ordinary()),
        row("packet-socket", packet, ordinary()),
        row("netlink-route", new_route(), links()),
        row("vsock", vsock, ordinary()),
        row("odd-families", odd, ordinary()),
    ]
}

fn open(
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
) -> io::Result<OwnedFd> {
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?)
}

/// A family that this kernel does not have is as good as denied.
fn denied(what: &str, family: AddressFamily, kind: SocketType, protocol: Option<Protocol>) -> Seen {
    match open(family, kind, protocol) {
        Ok(_) => through(format!("{what}: made")),
        Err(error) => match Errno::from_io_error(&error) {
            Some(
                Errno::PERM
                | Errno::ACCESS
                | Errno::AFNOSUPPORT
                | Errno::PROTONOSUPPORT
                | Errno::SOCKTNOSUPPORT
                | Errno::INVAL,
            ) => stopped(format!("{what}: {error}")),
            _ => unclear(format!("{what}: {error}")),
        },
    }
}

/// The same call makes an ordinary socket.
fn ordinary() -> Checked {
    checked(
        "the same call makes an ordinary socket",
        open(AddressFamily::INET, SocketType::DGRAM, None),
    )
}

fn new_route() -> Seen {
    // The kernel looks at the privilege before it looks at the rest: a host route that leads nowhere.
    let body = [2, 32, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0];
    match ask(NEW_ROUTE, CREATE, &body) {
        Ok(0) => through("a route was made"),
        Ok(code) => {
            let error = io::Error::from_raw_os_error(code);
            match Errno::from_io_error(&error) {
                Some(Errno::PERM | Errno::ACCESS) => stopped(error),
                _ => through(format!("the kernel took it ({error})")),
            }
        }
        Err(error) => stopped(format!("no netlink socket: {error}")),
    }
}

/// The same socket lists the interfaces.
fn links() -> Checked {
    match ask(LIST_LINKS, DUMP, &[0; 16]) {
        Ok(0) => Ok("the same socket lists the interfaces".to_owned()),
        Ok(code) => Err(format!(
            "the list of interfaces: {}",
            io::Error::from_raw_os_error(code)
        )),
        Err(error) => Err(format!("a netlink socket: {error}")),
    }
}

/// Sends one request and returns the number of the error that comes back; 0 when there is none.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<i32> {
    // Without a protocol it is the one of routes, whose number is 0.
    let socket = open(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let length = u32::try_from(16 + body.len()).unwrap_or_default();
    let message = [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &1_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        body,
    ]
    .concat();
    send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 8192];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    let found = answer.get(4..6) == Some(&ERROR.to_ne_bytes()[..]);
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok());
    Ok(match code {
        Some(bytes) if found => -i32::from_ne_bytes(bytes),
        Some(_) | None => 0,
    })
}
