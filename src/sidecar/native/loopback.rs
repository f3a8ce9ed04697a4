//! The agent's network: a loopback interface that is up, and the sidecar's socket on it.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, bail};
use bottle_contract::native::PROXY_PORT;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// The kernel's number for "change an interface" (`RTM_NEWLINK`).
const CHANGE_LINK: u16 = 16;
/// Asks for an answer, also when all went well (`NLM_F_REQUEST` and `NLM_F_ACK`).
const ASK: u16 = 1 | 4;
/// The kernel's number for an answer (`NLMSG_ERROR`); the code in it is 0 when all went well.
const ANSWER: u16 = 2;
/// The loopback interface is the first one of every network.
const LOOPBACK: i32 = 1;
/// The flag of an interface that is up (`IFF_UP`).
const UP: u32 = 1;

/// Switches the loopback interface of this process's network on, and listens on it.
pub(super) fn open() -> anyhow::Result<TcpListener> {
    switch_on().context("cannot switch the loopback interface on")?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT))
        .context("cannot listen in the agent's network")
}

fn switch_on() -> anyhow::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // The protocol with the number 0, which is that of interfaces and routes.
        None,
    )?;
    sendto(
        &socket,
        &request(),
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    match code(answer.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(code) => Err(std::io::Error::from_raw_os_error(-code).into()),
        None => bail!("the kernel gave an answer that does not fit"),
    }
}

/// A header of 16 bytes (length, kind, flags, number, sender) and 16 bytes about the interface.
fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(32_u32.to_ne_bytes());
    bytes.extend(CHANGE_LINK.to_ne_bytes());
    bytes.extend(ASK.to_ne_bytes());
    bytes.extend([0; 8]);
    // Family and type: any.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    // The flags, and which of them are to change.
    bytes.extend(UP.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

/// Reads the code behind the header of an answer.
fn code(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == ANSWER).then_some(code)
}
