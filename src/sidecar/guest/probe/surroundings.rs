//! What can be seen from inside: addresses, gateways, resolvers and neighbours, as the kernel lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;

use super::dns::DNS_PORT;
use crate::guest::files::read_if_there;
use crate::guest::limits::SURROUNDINGS_BYTES;

/// Where to look next. A place is a socket address, since a link-local address needs its interface; its port is 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::guest) struct Surroundings {
    /// The own addresses, loopback left out.
    pub(in crate::guest) addresses: BTreeSet<IpAddr>,
    /// The gateways of all routes.
    pub(in crate::guest) gateways: BTreeSet<SocketAddr>,
    /// The first address of each attached network, where engines put the host.
    pub(in crate::guest) first_addresses: BTreeSet<SocketAddr>,
    /// The neighbours that have answered.
    pub(in crate::guest) neighbours: BTreeSet<SocketAddr>,
    /// The resolvers, with their port.
    pub(in crate::guest) resolvers: BTreeSet<SocketAddr>,
    /// The interface on which link-local addresses are reached.
    pub(in crate::guest) link: Option<u32>,
    /// Whether every own address may be used already.
    pub(in crate::guest) state: State,
}

/// Whether an address may be used: for a second or two after its interface came up,
/// the kernel asks whether somebody else has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::guest) enum State {
    /// All may be used.
    #[default]
    Settled,
    /// One is still asked about, so its ways look closed and are not.
    Tentative,
}

/// The kernel's and the system's own texts.
#[derive(Debug, Default)]
struct Sources {
    route: String,
    ipv6_route: String,
    if_inet6: String,
    fib_trie: String,
    arp: String,
    resolv_conf: String,
}

impl Surroundings {
    /// Reads them; a kernel without IPv6 has not all of the files.
    pub(in crate::guest) fn look() -> anyhow::Result<Self> {
        let text = |path: &str| -> anyhow::Result<String> {
            let bytes = read_if_there(Path::new(path), SURROUNDINGS_BYTES)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Self::read(&Sources {
            route: text("/proc/net/route")?,
            ipv6_route: text("/proc/net/ipv6_route")?,
            if_inet6: text("/proc/net/if_inet6")?,
            fib_trie: text("/proc/net/fib_trie")?,
            arp: text("/proc/net/arp")?,
            resolv_conf: text("/etc/resolv.conf")?,
        }))
    }

    fn read(sources: &Sources) -> Self {
        let ipv6: Vec<Ipv6Interface<'_>> = sources
            .if_inet6
            .lines()
            .filter_map(ipv6_interface)
            .collect();
        let indexes: BTreeMap<&str, u32> = ipv6
            .iter()
            .map(|interface| (interface.name, interface.index))
            .collect();
        let mut found = Self::default();
        found.addresses.extend(ipv4_addresses(&sources.fib_trie));
        found
            .addresses
            .extend(ipv6.iter().map(|own| IpAddr::V6(own.address)));
        found.addresses.retain(|address| !address.is_loopback());
        for (gateway, first) in sources.route.lines().filter_map(ipv4_route) {
            found.gateways.extend(gateway.map(place));
            found.first_addresses.extend(first.map(place));
        }
        found.gateways.extend(
            sources
                .ipv6_route
                .lines()
                .filter_map(|line| ipv6_gateway(line, &indexes)),
        );
        found
            .first_addresses
            .extend(ipv6.iter().filter_map(Ipv6Interface::first_address));
        found.link = ipv6
            .iter()
            .find(|own| own.address.is_unicast_link_local())
            .map(|own| own.index);
        if ipv6.iter().any(|own| own.state == State::Tentative) {
            found.state = State::Tentative;
        }
        found
            .neighbours
            .extend(sources.arp.lines().filter_map(neighbour));
        found.resolvers.extend(
            sources
                .resolv_conf
                .lines()
                .filter_map(|line| resolver(line, &indexes)),
        );
        found
    }
}

fn place(address: Ipv4Addr) -> SocketAddr {
    SocketAddr::from((address, 0))
}

/// The local addresses in `/proc/net/fib_trie`: a line with the address stands before one that says what it is.
fn ipv4_addresses(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().zip(text.lines().skip(1));
    lines
        .filter(|(_, next)| next.trim() == "/32 host LOCAL")
        .filter_map(|(line, _)| line.trim().strip_prefix("|-- ")?.parse().ok())
        .collect()
}

/// Reads a line of `/proc/net/route`: the gateway when it has one, else the first address of the network.
fn ipv4_route(line: &str) -> Option<(Option<Ipv4Addr>, Option<Ipv4Addr>)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, destination, gateway, _, _, _, _, mask, ..] = fields.as_slice() else {
        return None;
    };
    let (destination, gateway, mask) = (ipv4(destination)?, ipv4(gateway)?, ipv4(mask)?);
    if !gateway.is_unspecified() {
        return Some((Some(gateway), None));
    }
    // A route without gateway to everything (a tunnel) or to one or two addresses has no first address.
    let has_first = !(31..=32).contains(&mask.to_bits().leading_ones()) && !mask.is_unspecified();
    let first = Ipv4Addr::from_bits((destination & mask).to_bits() | 1);
    Some((None, has_first.then_some(first)))
}

/// The kernel prints the four bytes of an address as one number in its own byte order.
fn ipv4(hex: &str) -> Option<Ipv4Addr> {
    let number = u32::from_str_radix(hex, 16).ok()?;
    (hex.len() == 8).then(|| Ipv4Addr::from(number.to_ne_bytes()))
}

fn ipv6(hex: &str) -> Option<Ipv6Addr> {
    let number = u128::from_str_radix(hex, 16).ok()?;
    (hex.len() == 32).then(|| Ipv6Addr::from_bits(number))
}

fn ipv6_place(address: Ipv6Addr, index: u32) -> SocketAddr {
    // A scope belongs to link-local addresses only; on others it would tell equal places apart.
    let scope = if address.is_unicast_link_local() {
        index
    } else {
        0
    };
    SocketAddrV6::new(address, 0, 0, scope).into()
}

/// One line of `/proc/net/if_inet6`.
struct Ipv6Interface<'a> {
    address: Ipv6Addr,
    index: u32,
    prefix: u32,
    state: State,
    name: &'a str,
}

impl Ipv6Interface<'_> {
    /// The first address of the network, for networks that are not link-local.
    fn first_address(&self) -> Option<SocketAddr> {
        let outside = self.address.is_loopback() || self.address.is_unicast_link_local();
        if outside || !(1..=126).contains(&self.prefix) {
            return None;
        }
        let mask = u128::MAX << (128 - self.prefix);
        let first = Ipv6Addr::from_bits(self.address.to_bits() & mask | 1);
        Some(ipv6_place(first, self.index))
    }
}

fn ipv6_interface(line: &str) -> Option<Ipv6Interface<'_>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [address, index, prefix, _, flags, name] = fields.as_slice() else {
        return None;
    };
    Some(Ipv6Interface {
        address: ipv6(address)?,
        index: u32::from_str_radix(index, 16).ok()?,
        prefix: u32::from_str_radix(prefix, 16).ok()?,
        state: state(u32::from_str_radix(flags, 16).ok()?),
        name,
    })
}

/// Reads the flags of an address. One that turned out to be somebody else's stays tentative for ever.
fn state(flags: u32) -> State {
    const FAILED: u32 = 0x08;
    const TENTATIVE: u32 = 0x40;
    if flags & (FAILED | TENTATIVE) == TENTATIVE {
        State::Tentative
    } else {
        State::Settled
    }
}

/// Reads the gateway of a line of `/proc/net/ipv6_route`.
fn ipv6_gateway(line: &str, indexes: &BTreeMap<&str, u32>) -> Option<SocketAddr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, _, _, _, gateway, _, _, _, _, interface] = fields.as_slice() else {
        return None;
    };
    let gateway = ipv6(gateway).filter(|gateway| !gateway.is_unspecified())?;
    Some(ipv6_place(
        gateway,
        indexes.get(interface).copied().unwrap_or_default(),
    ))
}

/// Reads a line of `/proc/net/arp`; an entry whose flags are 0 never answered.
fn neighbour(line: &str) -> Option<SocketAddr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [address, _, flags, ..] = fields.as_slice() else {
        return None;
    };
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    let address = address.parse().ok()?;
    (flags != 0).then(|| place(address))
}

/// Reads a `nameserver` line of `/etc/resolv.conf`.
pub(super) fn resolver(line: &str, indexes: &BTreeMap<&str, u32>) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    let address = (words.next()? == "nameserver").then(|| words.next())??;
    let (address, interface) = address.split_once('%').unwrap_or((address, ""));
    let mut place = match address.parse().ok()? {
        IpAddr::V4(address) => place(address),
        IpAddr::V6(address) => {
            let known = indexes.get(interface).copied();
            let index = known.or_else(|| interface.parse().ok()).unwrap_or_default();
            ipv6_place(address, index)
        }
    };
    place.set_port(DNS_PORT);
    Some(place)
}

#[cfg(test)]
#[path = "surroundings_tests.rs"]
mod tests;
