//! Addresses: each start of a container takes the next ones of its networks (§4.1).

use std::net::Ipv4Addr;

use crate::runtime::engine::Network;
use crate::runtime::failure::{Code, Failure};
use crate::runtime::state::State;

/// Takes the next address of a network. The caller holds the lock.
pub(super) fn next(state: &State, network: &Network) -> Result<Ipv4Addr, Failure> {
    let file = format!("addresses/{}", network.id);
    let last = state
        .read(&file)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_u32);
    let (base, size) = parse(&network.subnet)?;
    // The first is the gateway; the last ones are not given out.
    let last = if last + 1 > size.saturating_sub(3) {
        1
    } else {
        last
    };
    state.write(&file, &(last + 1).to_string())?;
    Ok(Ipv4Addr::from(base + last + 1))
}

/// Returns the gateway of a subnet: its lowest address and one.
pub(super) fn gateway(subnet: &str) -> Result<Ipv4Addr, Failure> {
    let (base, _) = parse(subnet)?;
    Ok(Ipv4Addr::from(base + 1))
}

/// Reads a subnet, or an address with its prefix length: its first address and its size.
fn parse(subnet: &str) -> Result<(u32, u32), Failure> {
    let refused = || Failure::new(Code::InternalError, format!("not a subnet: {subnet}"));
    let (base, length) = subnet.split_once('/').ok_or_else(refused)?;
    let base: Ipv4Addr = base.parse().map_err(|_| refused())?;
    let length: u32 = length.parse().map_err(|_| refused())?;
    if !(1..=30).contains(&length) {
        return Err(refused());
    }
    let size = 1_u32 << (32 - length);
    Ok((u32::from(base) & !(size - 1), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_the_second_address() {
        let check = |subnet: &str, expected: &str| {
            assert_eq!(gateway(subnet).unwrap().to_string(), expected);
        };
        check("192.168.64.0/24", "192.168.64.1");
        check("192.168.64.17/24", "192.168.64.1");
        check("10.0.0.0/8", "10.0.0.1");
        assert!(gateway("10.0.0.0").is_err());
        assert!(gateway("10.0.0.0/31").is_err());
    }
}
