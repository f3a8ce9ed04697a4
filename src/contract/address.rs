//! Which addresses a sidecar may dial: one classifier, asked about the address that is dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What kind of address it is. Only [`AddressClass::Public`] is dialled without a pin.
///
/// Sources: the IANA special-purpose address registries for IPv4 and IPv6
/// (RFC 6890 and its successors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressClass {
    /// Somewhere on the public internet.
    Public,
    /// `0.0.0.0/8` and `::`: many systems connect these to themselves.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918, `fc00::/7`, and the deprecated `fec0::/10`.
    Private,
    /// `169.254.0.0/16` and `fe80::/10`, where clouds keep their metadata services.
    LinkLocal,
    /// `100.64.0.0/10`, the shared space behind carriers' NAT (RFC 6598); some clouds' metadata too.
    CarrierNat,
    /// `224.0.0.0/4`, `ff00::/8`, and the broadcast address.
    Multicast,
    /// Benchmarking, documentation and other ranges that are not routed.
    Reserved,
}

impl AddressClass {
    /// Classifies an address, looking through every form that carries an IPv4 address inside an IPv6 one.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }
}

fn of_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [169, 254, ..] => AddressClass::LinkLocal,
        [100, 64..=127, ..] => AddressClass::CarrierNat,
        [224..=239, ..] | [255, 255, 255, 255] => AddressClass::Multicast,
        // IETF protocol assignments, TEST-NET-1 to -3, 6to4 relays, AS112, AMT, benchmarking, and 240.0.0.0/4.
        [192, 0, 0 | 2, _]
        | [192, 31, 196, _]
        | [192, 52, 193, _]
        | [192, 88, 99, _]
        | [192, 175, 48, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

#[expect(
    clippy::many_single_char_names,
    clippy::match_same_arms,
    reason = "the eight groups of an address, and one arm for each registry entry"
)]
fn of_v6(address: Ipv6Addr) -> AddressClass {
    let [a, b, c, _, e, f, g, h] = address.segments();
    let tail = || embedded(g, h);
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        // v4-mapped, v4-translated (RFC 2765) and the deprecated v4-compatible form.
        [0, 0, 0, 0, 0, 0xffff | 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => of_v4(tail()),
        // NAT64, well-known prefix (RFC 6052): a translator dials the embedded address.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => of_v4(tail()),
        // NAT64, local-use prefix (RFC 8215): where the address is embedded depends on the network.
        [0x64, 0xff9b, 1, ..] => AddressClass::Reserved,
        // 6to4 (RFC 3056) carries the address of its relay; Teredo (RFC 4380) and the rest of 2001::/23 tunnel.
        [0x2002, ..] => not_public(of_v4(embedded(b, c))),
        [0x2001, 0x0..=0x1ff, ..] => AddressClass::Reserved,
        // Documentation, discard-only, SRv6 SIDs, and dummy prefixes.
        [0x2001, 0xdb8, ..] | [0x3fff, 0x0..=0xfff, ..] | [0x100, 0, 0, ..] | [0x5f00, ..] => {
            AddressClass::Reserved
        }
        _ if a & 0xfe00 == 0xfc00 || a & 0xffc0 == 0xfec0 => AddressClass::Private,
        _ if a & 0xffc0 == 0xfe80 => AddressClass::LinkLocal,
        _ if a & 0xff00 == 0xff00 => AddressClass::Multicast,
        // ISATAP (RFC 5214) hides an IPv4 address behind any prefix.
        _ if e & 0xfcff == 0 && f == 0x5efe => not_public(of_v4(tail())),
        // Only 2000::/3 is global unicast (RFC 4291); the rest is unassigned.
        _ if a & 0xe000 == 0x2000 => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}

/// Keeps the reason where there is one; a tunnel to a public address is still a tunnel.
fn not_public(class: AddressClass) -> AddressClass {
    if class == AddressClass::Public {
        AddressClass::Reserved
    } else {
        class
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

impl fmt::Display for AddressClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Public => "public",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::CarrierNat => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_classified() {
        for (address, expected) in [
            ("8.8.8.8", AddressClass::Public),
            ("2606:4700::1111", AddressClass::Public),
            ("0.0.0.0", AddressClass::Unspecified),
            ("0.1.2.3", AddressClass::Unspecified),
            ("::", AddressClass::Unspecified),
            ("127.0.0.1", AddressClass::Loopback),
            ("::1", AddressClass::Loopback),
            ("10.1.2.3", AddressClass::Private),
            ("172.16.0.1", AddressClass::Private),
            ("172.31.255.255", AddressClass::Private),
            ("172.32.0.1", AddressClass::Public),
            ("192.168.0.1", AddressClass::Private),
            ("fd00::1", AddressClass::Private),
            ("fec0::1", AddressClass::Private),
            ("169.254.169.254", AddressClass::LinkLocal),
            ("fe80::1", AddressClass::LinkLocal),
            ("100.64.0.1", AddressClass::CarrierNat),
            ("100.100.100.200", AddressClass::CarrierNat),
            ("100.128.0.1", AddressClass::Public),
            ("224.0.0.1", AddressClass::Multicast),
            ("255.255.255.255", AddressClass::Multicast),
            ("ff02::1", AddressClass::Multicast),
            ("192.0.2.1", AddressClass::Reserved),
            ("198.18.0.1", AddressClass::Reserved),
            ("203.0.113.9", AddressClass::Reserved),
            ("240.0.0.1", AddressClass::Reserved),
            ("2001:db8::1", AddressClass::Reserved),
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("::ffff:8.8.8.8", AddressClass::Public),
            ("::127.0.0.1", AddressClass::Loopback),
            ("::ffff:0:10.0.0.1", AddressClass::Private),
            ("64:ff9b::10.0.0.1", AddressClass::Private),
            ("64:ff9b::8.8.8.8", AddressClass::Public),
            ("64:ff9b:1::10.0.0.1", AddressClass::Reserved),
            ("2002:7f00:1::1", AddressClass::Loopback),
            ("2002:808:808::1", AddressClass::Reserved),
            ("2001:0:1::1", AddressClass::Reserved),
            ("2a00::5efe:10.0.0.1", AddressClass::Private),
            ("4000::1", AddressClass::Reserved),
        ] {
            assert_eq!(
                AddressClass::of(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_embedded_address_is_never_more_public_than_itself(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            if AddressClass::of(v4.into()) != AddressClass::Public {
                let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
                for v6 in [
                    v4.to_ipv6_mapped(),
                    Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                    Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0x5efe, high, low),
                ] {
                    prop_assert_ne!(AddressClass::of(v6.into()), AddressClass::Public, "{}", v6);
                }
            }
        }
    }
}
