//! What stands around a bottle that runs, from what the engine says of its networks.

use std::net::IpAddr;

use anyhow::bail;
use bottle_contract::id::{BottleId, Role};
use bottle_contract::probe::TargetKind;

use super::capabilities::{Capabilities, HostAddress};
use super::engine::Located;
use crate::backends::around::Around;
use crate::backends::request::HostAccess;

/// Finds the gateways of both networks, and the sidecar's address on the outer one.
pub(super) fn around(
    engine: &Located,
    can: &Capabilities,
    id: &BottleId,
) -> anyhow::Result<Around> {
    let (internal, egress) = (id.resource(Role::Internal), id.resource(Role::Egress));
    let Some(sidecar) = engine.container(&id.resource(Role::Sidecar))? else {
        bail!("the sidecar of `{id}` is not there");
    };
    let mut targets = Vec::new();
    let names = [internal.clone(), egress.clone()];
    for network in engine.networks(&names)? {
        let kind = if network.name == internal {
            TargetKind::InternalGateway
        } else {
            TargetKind::EgressGateway
        };
        let endpoint = sidecar.networks.get(&network.name);
        let found: Vec<IpAddr> = network
            .gateways
            .into_iter()
            .chain(endpoint.and_then(|endpoint| endpoint.gateway))
            .collect();
        targets.extend(found.into_iter().map(|address| (kind, address)));
    }
    let outer = sidecar.networks.get(&egress);
    let outer = outer.and_then(|endpoint| endpoint.address);
    targets.extend(outer.map(|address| (TargetKind::SidecarEgress, address)));
    targets.sort_unstable();
    targets.dedup();
    Ok(Around {
        targets,
        host_access: match can.host_address {
            HostAddress::Omitted => HostAccess::Refuse,
            HostAddress::Present => HostAccess::Warn,
        },
    })
}
