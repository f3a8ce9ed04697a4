//! `guest wall`: lets nothing out of the agent's network but what goes to the sidecar.
//!
//! An internal network keeps packets from being routed. It does not keep them from the host's own
//! bridge: a socket that is bound to an interface needs no route, and the host takes such a packet for
//! its own. So the kernel of the agent's network gets a rule of its own, which the agent, without
//! capabilities, cannot change. The engine lends the capability for it to this one call.

use std::io;
use std::net::Ipv4Addr;

use anyhow::{Context as _, bail};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send,
    socket_with, sockopt,
};

use super::limits::WALL_WAIT;

/// The protocol of netlink that speaks to netfilter, and its part for tables.
const NETFILTER: u32 = 12;
const TABLES: u16 = 10 << 8;
/// What a message is: the begin and end of a batch, and what is made.
const BEGIN: u16 = 0x10;
const END: u16 = 0x11;
const TABLE: u16 = TABLES;
const CHAIN: u16 = TABLES | 3;
const RULE: u16 = TABLES | 6;
/// "Request", and "create" and "append" with an acknowledgement.
const REQUEST: u16 = 0x1;
const MAKE: u16 = 0x1 | 0x4 | 0x400 | 0x800;
/// The kernel's answer to a message.
const ERROR: u16 = 2;
/// The families.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// The name of the table and of its chain.
const NAME: &[u8] = b"bottle\0";
/// The marks of attributes that hold others.
const NESTED: u16 = 0x8000;
/// The interface `lo` has this number in every network.
const LOOPBACK: u32 = 1;

/// Lays the rule on this network.
pub(super) fn wall(sidecar: Ipv4Addr) -> anyhow::Result<()> {
    let mut rules = vec![on_loopback()];
    lay(IPV6, &rules).or_else(without_ipv6)?;
    rules.push(to_address(sidecar));
    lay(IPV4, &rules)
}

/// A kernel without IPv6 has nothing to keep in.
fn without_ipv6(error: anyhow::Error) -> anyhow::Result<()> {
    if std::path::Path::new("/proc/net/if_inet6").exists() {
        return Err(error);
    }
    Ok(())
}

/// Makes a table whose chain drops what leaves, but for these rules, in one step.
fn lay(family: u8, rules: &[Vec<u8>]) -> anyhow::Result<()> {
    let hook = [attribute(1, &be(3)), attribute(2, &be(0))].concat();
    let chain = [
        attribute(1, NAME),
        attribute(3, NAME),
        attribute(4 | NESTED, &hook),
        attribute(5, &be(0)),
        attribute(7, b"filter\0"),
    ]
    .concat();
    let mut batch = message(BEGIN, REQUEST, 0, &[]);
    batch.extend(message(TABLE, MAKE, family, &attribute(1, NAME)));
    batch.extend(message(CHAIN, MAKE, family, &chain));
    for rule in rules {
        let body = [
            attribute(1, NAME),
            attribute(2, NAME),
            attribute(4 | NESTED, rule),
        ]
        .concat();
        batch.extend(message(RULE, MAKE, family, &body));
    }
    batch.extend(message(END, REQUEST, 0, &[]));
    exchange(&batch, rules.len() + 2)
}

/// Sends a batch, and waits for the answer to each of its messages.
fn exchange(batch: &[u8], answers: usize) -> anyhow::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        rustix::net::RawProtocol::new(NETFILTER).map(Protocol::from_raw),
    )
    .context("no socket to netfilter")?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(WALL_WAIT))?;
    send(&socket, batch, SendFlags::empty()).context("netfilter takes no message")?;
    let mut seen = 0;
    while seen < answers {
        let mut bytes = [0; 8192];
        let (length, _) =
            recv(&socket, &mut bytes, RecvFlags::empty()).context("netfilter does not answer")?;
        let mut rest = bytes.get(..length).unwrap_or_default();
        while let Some((code, after)) = answer(rest) {
            if code != 0 {
                let error = io::Error::from_raw_os_error(code);
                bail!("netfilter refuses the rule: {error}");
            }
            seen += 1;
            rest = after;
        }
    }
    Ok(())
}

/// Takes the first answer: the number of its error, and what follows it.
fn answer(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let length = usize::try_from(length).ok()?.max(16).next_multiple_of(4);
    let after = bytes.get(length..).unwrap_or_default();
    if kind != ERROR {
        return Some((0, after));
    }
    let code = i32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?);
    Some((code.saturating_neg(), after))
}

/// What goes to the own loopback.
fn on_loopback() -> Vec<u8> {
    let interface = [attribute(1, &be(1)), attribute(2, &be(5))].concat();
    [
        expression(b"meta\0", &interface),
        equal(&LOOPBACK.to_ne_bytes()),
        accept(),
    ]
    .concat()
}

/// What goes to one address.
fn to_address(address: Ipv4Addr) -> Vec<u8> {
    let destination = [
        attribute(1, &be(1)),
        attribute(2, &be(1)),
        attribute(3, &be(16)),
        attribute(4, &be(4)),
    ]
    .concat();
    [
        expression(b"payload\0", &destination),
        equal(&address.octets()),
        accept(),
    ]
    .concat()
}

/// Goes on where the first register holds this.
fn equal(value: &[u8]) -> Vec<u8> {
    let data = attribute(1, value);
    let body = [
        attribute(1, &be(1)),
        attribute(2, &be(0)),
        attribute(3 | NESTED, &data),
    ]
    .concat();
    expression(b"cmp\0", &body)
}

fn accept() -> Vec<u8> {
    let verdict = attribute(2 | NESTED, &attribute(1, &be(1)));
    let body = [attribute(1, &be(0)), attribute(2 | NESTED, &verdict)].concat();
    expression(b"immediate\0", &body)
}

fn expression(name: &[u8], body: &[u8]) -> Vec<u8> {
    let element = [attribute(1, name), attribute(2 | NESTED, body)].concat();
    attribute(1 | NESTED, &element)
}

fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// An attribute: its length, its kind, its value, and zeros up to a multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message: the header of netlink, that of netfilter, and the attributes.
fn message(kind: u16, flags: u16, family: u8, body: &[u8]) -> Vec<u8> {
    // The begin and the end of a batch say whose it is.
    let whose: u16 = if matches!(kind, BEGIN | END) { 10 } else { 0 };
    let length = u32::try_from(body.len() + 20).unwrap_or(u32::MAX);
    [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        &[family, 0],
        &whose.to_be_bytes(),
        body,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_messages_have_their_lengths() {
        assert_eq!(attribute(1, b"ab\0").len(), 8);
        assert_eq!(
            attribute(1, b"ab\0").get(..2),
            Some(&7_u16.to_ne_bytes()[..])
        );
        let message = message(RULE, MAKE, IPV4, &to_address(Ipv4Addr::LOCALHOST));
        let length = u32::try_from(message.len()).unwrap();
        assert_eq!(message.get(..4), Some(&length.to_ne_bytes()[..]));
    }

    #[test]
    fn an_answer_is_read_with_its_error() {
        let mut bytes = [&36_u32.to_ne_bytes()[..], &ERROR.to_ne_bytes(), &[0; 10]].concat();
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.resize(36, 0);
        assert_eq!(answer(&bytes), Some((1, &[][..])));
        assert_eq!(answer(&[]), None);
    }
}
