//! Which addresses a bottle's networks get: small blocks that nobody on this machine uses.
//!
//! Left to itself, an engine gives each network thousands of addresses, so that a stock docker has
//! none left after about fifteen bottles.

use std::net::Ipv4Addr;

use bottle_contract::id::BottleId;
use ipnet::Ipv4Net;

/// How large a network of ours is: a gateway, the sidecar and the agent, as small as it can be.
const LENGTH: u8 = 29;
/// Where they are taken from, in this order: private addresses (RFC 1918) outside the pools from
/// which docker (172.17.0.0/12 on, 192.168.0.0/16) and podman (10.89.0.0 on) take theirs.
const BLOCKS: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(10, 83, 0, 0), 16),
    (Ipv4Addr::new(10, 67, 0, 0), 16),
    (Ipv4Addr::new(10, 59, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 16),
];

/// Free blocks, one after another.
#[derive(Clone, Debug)]
pub(super) struct Subnets {
    blocks: Vec<Ipv4Net>,
    used: Vec<Ipv4Net>,
    /// Where this bottle begins to look: launches at the same time begin at different places.
    begin: u32,
    tried: u32,
}

impl Subnets {
    /// Makes a choice for a bottle: within this block or else our own ones, and never where somebody is.
    pub(super) fn new(id: &BottleId, within: Option<Ipv4Net>, used: Vec<Ipv4Net>) -> Self {
        let own = || {
            BLOCKS
                .iter()
                .filter_map(|(address, length)| Ipv4Net::new(*address, *length).ok())
                .collect()
        };
        Self {
            blocks: within.map_or_else(own, |block| vec![block.trunc()]),
            used,
            begin: spread(id.as_str()),
            tried: 0,
        }
    }

    /// Returns the next block that nobody is known to use.
    pub(super) fn next(&mut self) -> Option<Ipv4Net> {
        let all: u32 = self.blocks.iter().map(|block| count(*block)).sum();
        while self.tried < all {
            let candidate = self.candidate(self.tried);
            self.tried += 1;
            let free = candidate.filter(|candidate| {
                let apart = |used: &Ipv4Net| !used.contains(candidate) && !candidate.contains(used);
                self.used.iter().all(apart)
            });
            if free.is_some() {
                return free;
            }
        }
        None
    }

    /// The blocks in their order, each from this bottle's own place on and round.
    fn candidate(&self, mut index: u32) -> Option<Ipv4Net> {
        for block in &self.blocks {
            let size = count(*block);
            if index < size {
                let place = self.begin.wrapping_add(index) % size;
                let first = u32::from(block.network());
                let address = first.checked_add(place << (32 - u32::from(LENGTH)))?;
                return Ipv4Net::new(Ipv4Addr::from(address), LENGTH).ok();
            }
            index -= size;
        }
        None
    }
}

/// How many of our networks a block holds.
fn count(block: Ipv4Net) -> u32 {
    match LENGTH.checked_sub(block.prefix_len()) {
        Some(bits) => 1_u32.checked_shl(u32::from(bits)).unwrap_or(u32::MAX),
        None => 0,
    }
}

/// Spreads ids over the numbers: FNV-1a of 32 bits.
fn spread(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn subnets(id: &str, within: Option<&str>, used: &[&str]) -> Subnets {
        Subnets::new(
            &id.parse().unwrap(),
            within.map(|block| block.parse().unwrap()),
            used.iter().map(|block| block.parse().unwrap()).collect(),
        )
    }

    #[test]
    fn each_is_small_private_and_given_once() {
        let mut choice = subnets("demo-abcdef", None, &[]);
        let given: Vec<Ipv4Net> = std::iter::from_fn(|| choice.next()).collect();
        assert_eq!(given.len(), 4 * 8192);
        let different: BTreeSet<_> = given.iter().collect();
        assert_eq!(different.len(), given.len());
        for block in given {
            assert_eq!(block.prefix_len(), 29);
            assert!(block.network().is_private(), "{block}");
        }
    }

    #[test]
    fn what_is_in_use_is_left_out() {
        let block = Some("192.168.250.0/27");
        let all = |used: &[&str]| {
            let mut choice = subnets("demo-abcdef", block, used);
            let mut given: Vec<String> = std::iter::from_fn(|| choice.next())
                .map(|block| block.to_string())
                .collect();
            given.sort();
            given
        };
        let four = [
            "192.168.250.0/29",
            "192.168.250.16/29",
            "192.168.250.24/29",
            "192.168.250.8/29",
        ];
        assert_eq!(all(&[]), four);
        // A part of one, a whole, and something larger.
        assert_eq!(all(&["192.168.250.17/32"]), [four[0], four[2], four[3]]);
        assert_eq!(all(&["192.168.250.8/29"]), four[..3]);
        assert_eq!(all(&["192.168.250.0/28"]), four[1..3]);
        assert_eq!(all(&["192.168.0.0/16"]), Vec::<String>::new());
        // The control: a neighbour takes nothing away.
        assert_eq!(all(&["192.168.250.32/29"]), four);
    }

    #[test]
    fn a_route_to_all_of_a_large_network_leads_to_another_one() {
        let mut choice = subnets("demo-abcdef", None, &["10.0.0.0/8"]);
        let first = choice.next().unwrap();
        assert!(first.to_string().starts_with("172.16."), "{first}");
        let mut none = subnets("demo-abcdef", None, &["10.0.0.0/8", "172.16.0.0/12"]);
        assert_eq!(none.next(), None);
    }

    #[test]
    fn bottles_begin_at_different_places() {
        let first = |id: &str| subnets(id, None, &[]).next().unwrap();
        let ids = ["demo-aaaaaa", "demo-aaaaab", "demo-baaaaa", "other-aaaaaa"];
        let different: BTreeSet<_> = ids.iter().map(|id| first(id)).collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(first("demo-aaaaaa"), first("demo-aaaaaa"));
    }
}
