//! Where a container is on its networks: addresses before it starts, its default route after.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use super::addresses::{gateway, next};
use crate::runtime::context::Context;
use crate::runtime::engine::{Kind, Network, inspect_networks};
use crate::runtime::failure::Failure;
use crate::runtime::networks::real_name;
use crate::runtime::spec::NetworkUse;

/// A network with the address that a container gets there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The network.
    pub(super) network: Network,
    /// The address.
    pub(super) address: Ipv4Addr,
}

impl Place {
    /// Returns the gateway of the network: the host's address there.
    pub(super) fn gateway(&self) -> Result<Ipv4Addr, Failure> {
        gateway(&self.network.subnet)
    }
}

/// Takes an address on each network, in order.
pub(super) fn places(context: &Context<'_>, names: &[String]) -> Result<Vec<Place>, Failure> {
    let real: Vec<String> = names.iter().map(|name| real_name(context, name)).collect();
    let found = inspect_networks(context.engine, &real)?;
    let _lock = context.state.lock()?;
    let mut places = Vec::new();
    for (name, real) in names.iter().zip(&real) {
        let network = found
            .iter()
            .find(|network| network.name == *real && network.configuration.is_some())
            .ok_or_else(|| Failure::missing(format!("network {name} not found")))?;
        places.push(Place {
            network: network.clone(),
            address: next(&context.state, network)?,
        });
    }
    Ok(places)
}

/// Returns the engine's words that put a new container on its networks.
pub(super) fn words(kind: Kind, places: &[Place], uses: &[NetworkUse]) -> Vec<String> {
    if places.is_empty() {
        return vec!["--network=none".to_owned()];
    }
    let word = |(place, network): (&Place, &NetworkUse)| {
        let (name, address) = (&place.network.name, place.address);
        match kind {
            Kind::Docker => {
                let mac = network
                    .mac
                    .as_ref()
                    .map(|mac| format!(",mac-address={mac}"));
                format!(
                    "--network=name={name},ip={address}{}",
                    mac.unwrap_or_default()
                )
            }
            Kind::Podman => {
                let mac = network.mac.as_ref().map(|mac| format!(",mac={mac}"));
                format!("--network={name}:ip={address}{}", mac.unwrap_or_default())
            }
        }
    };
    places.iter().zip(uses).map(word).collect()
}

/// Moves a stopped container to new addresses.
pub(super) fn moved(context: &Context<'_>, id: &str, places: &[Place]) -> Result<(), Failure> {
    let engine = context.engine;
    for place in places {
        let name = place.network.name.as_str();
        // A container that was never attached is attached all the same.
        engine.ask(&["network", "disconnect", "--force", name, id])?;
    }
    for place in places {
        let address = place.address.to_string();
        let name = place.network.name.as_str();
        engine
            .ask(&["network", "connect", "--ip", &address, name, id])?
            .success()?;
    }
    Ok(())
}

/// Tells whether the engine's own choice of a default route is not Apple's: the first network gives
/// it, host-only or not (§4.1).
pub(super) fn needs_route(places: &[Place]) -> bool {
    let internal = |place: &Place| place.network.is_internal();
    places.first().is_some_and(internal)
        || places.iter().filter(|place| !internal(place)).count() > 1
}

/// Lets the default route of a running container go through its first network.
///
/// This needs root on the host. Without it, an only network that is host-only is left without the
/// route; with a second network the traffic would take the wrong way, so that is refused.
pub(super) fn route(pid: u32, places: &[Place]) -> Result<(), Failure> {
    let Some(first) = places.first().filter(|_| needs_route(places)) else {
        return Ok(());
    };
    let (pid, gateway) = (pid.to_string(), first.gateway()?.to_string());
    let status = Command::new("nsenter")
        .args(["--target", &pid, "--net", "ip", "route", "replace"])
        .args(["default", "via", &gateway])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let done = status.is_ok_and(|status| status.success());
    if done || places.len() == 1 {
        return Ok(());
    }
    Err(Failure::lacking(
        "a default route through the first of several networks (it takes root, `nsenter` and `ip`)",
    ))
}
