//! The engine's networks, as far as they are the stand-in's.

use serde_json::Value;

use super::cli::{CONFIGURATION, Engine, Kind};
use crate::runtime::failure::Failure;

/// A network on the engine.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Its real name.
    pub(crate) name: String,
    /// The engine's id.
    pub(crate) id: String,
    /// Its IPv4 subnet.
    pub(crate) subnet: String,
    /// Apple's configuration; absent from a network that is not the stand-in's.
    pub(crate) configuration: Option<Value>,
}

impl Network {
    fn read(item: &Value) -> Option<Self> {
        let text = |pointers: [&str; 2]| {
            pointers
                .into_iter()
                .find_map(|pointer| item.pointer(pointer).and_then(Value::as_str))
        };
        let labels = item.get("Labels").or_else(|| item.get("labels"));
        let configuration = labels
            .and_then(|labels| labels.get(CONFIGURATION))
            .and_then(Value::as_str)
            .and_then(|json| serde_json::from_str(json).ok());
        Some(Self {
            name: text(["/Name", "/name"])?.to_owned(),
            id: text(["/Id", "/id"])?.to_owned(),
            subnet: text(["/IPAM/Config/0/Subnet", "/subnets/0/subnet"])?.to_owned(),
            configuration,
        })
    }

    /// Tells whether the network is host-only.
    pub(crate) fn is_internal(&self) -> bool {
        let mode = self.configuration.as_ref().and_then(|it| it.get("mode"));
        mode.and_then(Value::as_str) == Some("hostOnly")
    }
}

/// Finds one network by its real name.
pub(crate) fn find_network(engine: Engine, name: &str) -> Result<Option<Network>, Failure> {
    let found = inspect_networks(engine, &[name.to_owned()])?;
    Ok(found.into_iter().find(|network| network.name == name))
}

/// Inspects networks by their real names; what is missing is left out.
pub(crate) fn inspect_networks(engine: Engine, names: &[String]) -> Result<Vec<Network>, Failure> {
    let mut networks = Vec::new();
    match engine.kind {
        Kind::Docker if names.is_empty() => {}
        Kind::Docker => networks = inspect(engine, names)?,
        // podman inspects nothing at all when one of several is missing.
        Kind::Podman => {
            for name in names {
                networks.extend(inspect(engine, std::slice::from_ref(name))?);
            }
        }
    }
    Ok(networks)
}

fn inspect(engine: Engine, names: &[String]) -> Result<Vec<Network>, Failure> {
    let mut words = vec!["network", "inspect"];
    words.extend(names.iter().map(String::as_str));
    let items = engine.ask(&words)?.items();
    Ok(items.iter().filter_map(Network::read).collect())
}

/// Lists the stand-in's networks.
pub(crate) fn networks(engine: Engine) -> Result<Vec<Network>, Failure> {
    let filter = engine.filter();
    let words = ["network", "ls", "--quiet", "--filter", &filter];
    let names = engine.ask(&words)?.success()?;
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    inspect_networks(engine, &names)
}
