//! The engine's containers, as far as they are the stand-in's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cli::{CONFIGURATION, Engine};
use crate::runtime::failure::Failure;

/// A container on the engine.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// Its name, which is Apple's id.
    pub(crate) id: String,
    /// Apple's configuration; absent from a container that is not the stand-in's.
    pub(crate) configuration: Option<Value>,
    /// Whether it runs.
    pub(crate) running: bool,
    /// When it was started last, if it ever was.
    pub(crate) started: Option<String>,
    /// Its first process on the host; 0 when it does not run.
    pub(crate) pid: u32,
    /// Its addresses with their prefix lengths, and its hardware addresses, by the real network.
    pub(crate) attachments: BTreeMap<String, (String, String)>,
}

impl Container {
    /// Reads an item of the engine's inspection.
    fn read(item: &Value) -> Option<Self> {
        let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
        let configuration = item
            .pointer("/Config/Labels")
            .and_then(|labels| labels.get(CONFIGURATION))
            .and_then(Value::as_str)
            .and_then(|json| serde_json::from_str(json).ok());
        let started = text("/State/StartedAt").filter(|at| !at.starts_with("0001-"));
        let pid = item.pointer("/State/Pid").and_then(Value::as_u64);
        Some(Self {
            id: text("/Name")?.trim_start_matches('/').to_owned(),
            configuration,
            running: item.pointer("/State/Running").and_then(Value::as_bool) == Some(true),
            started: started.map(str::to_owned),
            pid: pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            attachments: attachments(item),
        })
    }

    /// Returns a part of Apple's configuration.
    pub(crate) fn part(&self, pointer: &str) -> Option<&Value> {
        self.configuration.as_ref()?.pointer(pointer)
    }

    /// Returns the names of the networks asked for, in order.
    pub(crate) fn networks(&self) -> Vec<String> {
        names(self.part("/networks"), "/network")
    }

    /// Returns the names of the volumes that it mounts.
    pub(crate) fn volumes(&self) -> Vec<String> {
        names(self.part("/mounts"), "/type/volume/name")
    }
}

fn names(list: Option<&Value>, pointer: &str) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.pointer(pointer).and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

fn attachments(item: &Value) -> BTreeMap<String, (String, String)> {
    let networks = item
        .pointer("/NetworkSettings/Networks")
        .and_then(Value::as_object);
    let mut attachments = BTreeMap::new();
    for (name, network) in networks.into_iter().flatten() {
        let text = |key: &str| network.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("IPAddress").is_empty() {
            continue;
        }
        let length = network
            .get("IPPrefixLen")
            .and_then(Value::as_u64)
            .unwrap_or(24);
        let address = format!("{}/{length}", text("IPAddress"));
        attachments.insert(name.clone(), (address, text("MacAddress").to_owned()));
    }
    attachments
}

/// Finds one container by its name, the stand-in's or not.
pub(crate) fn find_container(engine: Engine, id: &str) -> Result<Option<Container>, Failure> {
    let found = inspect_containers(engine, &[id.to_owned()])?;
    // The engine also finds by the beginning of its own ids; Apple's CLI does not.
    Ok(found.into_iter().find(|container| container.id == id))
}

/// Inspects containers by their names; what is missing is left out.
pub(crate) fn inspect_containers(
    engine: Engine,
    ids: &[String],
) -> Result<Vec<Container>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut words = vec!["inspect", "--type", "container"];
    words.extend(ids.iter().map(String::as_str));
    let items = engine.ask(&words)?.items();
    Ok(items.iter().filter_map(Container::read).collect())
}

/// Lists the stand-in's containers, running or not.
pub(crate) fn containers(engine: Engine) -> Result<Vec<Container>, Failure> {
    let filter = engine.filter();
    let words = ["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter];
    let ids = engine.ask(&words)?.success()?;
    let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
    let mut found = inspect_containers(engine, &ids)?;
    found.retain(|container| container.configuration.is_some());
    Ok(found)
}
