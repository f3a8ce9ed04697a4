//! Which IPv4 networks this machine is in or has a route to, so that no other takes their addresses.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use if_addrs::IfAddr;
use ipnet::Ipv4Net;

/// The kernel's main table of routes, one a line (`proc_pid_net(5)`); macOS has none.
const ROUTES: &str = "/proc/net/route";
/// A route for more than such a block says where everything goes, not which addresses are in use: a
/// VPN that takes all traffic has one for each half of the address space.
const BROADEST: u8 = 8;

/// Lists the networks of this machine's interfaces and routes.
pub fn networks_in_use() -> io::Result<Vec<Ipv4Net>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let mut networks: Vec<Ipv4Net> = interfaces
        .into_iter()
        .filter_map(|interface| match interface.addr {
            IfAddr::V4(v4) => Ipv4Net::with_netmask(v4.ip, v4.netmask).ok(),
            IfAddr::V6(_) => None,
        })
        .collect();
    match fs::read_to_string(ROUTES) {
        Ok(text) => networks.extend(of_routes(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(networks)
}

/// Reads the kernel's table: destination and mask are numbers in hexadecimal, as they lie in memory.
fn of_routes(text: &str) -> impl Iterator<Item = Ipv4Net> {
    let address = |word: &str| {
        let number = u32::from_str_radix(word, 16).ok()?;
        Some(Ipv4Addr::from(number.to_ne_bytes()))
    };
    text.lines()
        .skip(1)
        .filter_map(move |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Ipv4Net::with_netmask(address(words.get(1)?)?, address(words.get(7)?)?).ok()
        })
        .filter(|network| network.prefix_len() >= BROADEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_and_those_for_everything_are_not() {
        // As the kernel of an x86-64 machine prints it.
        let text = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-1\t0000590A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
vpn\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
odd
";
        if cfg!(target_endian = "big") {
            return;
        }
        let found: Vec<String> = of_routes(text).map(|network| network.to_string()).collect();
        assert_eq!(found, ["192.0.2.0/24", "10.89.0.0/16", "10.0.0.0/8"]);
    }

    #[test]
    fn this_machine_is_in_the_network_of_its_loopback() {
        let loopback = Ipv4Addr::LOCALHOST;
        let found = networks_in_use().unwrap();
        assert!(found.iter().any(|network| network.contains(&loopback)));
    }
}
