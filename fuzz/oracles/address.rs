//! Addresses: what the standard library knows to be special is never taken for public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bottle_contract::address::AddressClass;

use crate::Outcome;

/// Reads 4 or 16 bytes as an address. Accepted means public.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let address = if let Some(octets) = input.first_chunk::<16>() {
        IpAddr::V6(Ipv6Addr::from(*octets))
    } else if let Some(octets) = input.first_chunk::<4>() {
        IpAddr::V4(Ipv4Addr::from(*octets))
    } else {
        return Outcome::Refused;
    };
    let class = AddressClass::of(address);
    if class != AddressClass::Public {
        return Outcome::Refused;
    }
    match address {
        IpAddr::V4(v4) => assert!(!is_special(v4), "{v4} is not public"),
        IpAddr::V6(v6) => {
            let local = v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local();
            assert!(!local, "{v6} is not public");
            if let Some(v4) = v6.to_ipv4() {
                assert_eq!(AddressClass::of(v4.into()), class, "{v6} carries {v4}");
            }
        }
    }
    Outcome::Accepted
}

fn is_special(v4: Ipv4Addr) -> bool {
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || v4.is_unspecified()
}
