//! Which resolver this machine asks, as its files and tools tell. Pure.

use std::net::{IpAddr, Ipv4Addr};

/// Finds the first resolver in a `resolv.conf` that another machine can reach, IPv4 only.
pub(super) fn of_resolv_conf(text: &str) -> Option<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .find_map(|rest| reachable(rest.trim()))
}

/// Finds it in what macOS's `scutil --dns` prints: lines such as `nameserver[0] : 192.0.2.53`.
///
/// Sections that serve one domain only, and those for one interface, are not for every name.
pub(super) fn of_scutil(text: &str) -> Option<IpAddr> {
    let general = text.split("(for scoped queries)").next()?;
    general
        .split("resolver #")
        .skip(1)
        .filter(|section| {
            !section
                .lines()
                .any(|line| line.trim().starts_with("domain "))
        })
        .flat_map(str::lines)
        .filter_map(|line| line.trim().strip_prefix("nameserver["))
        .filter_map(|rest| rest.split_once(':'))
        .find_map(|(_, address)| reachable(address.trim()))
}

/// A resolver on this machine's own loopback cannot be asked from a container.
fn reachable(text: &str) -> Option<IpAddr> {
    let address: Ipv4Addr = text.parse().ok()?;
    let elsewhere = !address.is_loopback() && !address.is_unspecified();
    elsewhere.then_some(IpAddr::V4(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ipv4_resolver_off_loopback_counts() {
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (text, expected) in [
            (
                "nameserver 192.0.2.1\nnameserver 192.0.2.2\n",
                address("192.0.2.1"),
            ),
            (
                "# nameserver 192.0.2.1\nnameserver\t192.0.2.2",
                address("192.0.2.2"),
            ),
            ("nameserver 127.0.0.53\n", None),
            (
                "nameserver fe80::1\nnameserver 192.0.2.3\n",
                address("192.0.2.3"),
            ),
            ("search example.com\n", None),
        ] {
            assert_eq!(of_resolv_conf(text), expected, "{text:?}");
        }
    }

    #[test]
    fn scutil_is_read_from_its_top() {
        let text = "DNS configuration\n\nresolver #1\n  nameserver[0] : fe80::1%en0\n  nameserver[1] : 192.0.2.53\n  if_index : 15 (en0)\n\nresolver #2\n  domain   : local\n  nameserver[0] : 192.0.2.99\n";
        assert_eq!(of_scutil(text), Some("192.0.2.53".parse().unwrap()));
        assert_eq!(of_scutil("No DNS configuration available\n"), None);
        // One domain's resolver knows no other names, and a scoped one is for one interface.
        let split = "DNS configuration\n\nresolver #1\n  nameserver[0] : 127.0.0.1\n\nresolver #2\n  domain   : corp.example.com\n  nameserver[0] : 192.0.2.99\n\nDNS configuration (for scoped queries)\n\nresolver #1\n  nameserver[0] : 192.0.2.98\n";
        assert_eq!(of_scutil(split), None);
    }
}
