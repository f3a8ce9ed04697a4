//! A container as JSON (§3.1).

use serde_json::{Map, Value, json};

use super::addresses::gateway;
use crate::runtime::context::Context;
use crate::runtime::engine::Container;
use crate::runtime::networks::real_name;
use crate::runtime::time::seconds;
use crate::version::Version;

/// Describes a container of the stand-in.
pub(crate) fn described(context: &Context<'_>, container: &Container) -> Value {
    let mut status = Map::new();
    let state = if container.running {
        "running"
    } else {
        "stopped"
    };
    status.insert("state".to_owned(), Value::from(state));
    status.insert("networks".to_owned(), attachments(context, container));
    if let Some(started) = &container.started {
        status.insert("startedDate".to_owned(), Value::from(seconds(started)));
    }
    json!({
        "id": container.id,
        "configuration": container.configuration,
        "status": status,
    })
}

/// Lists where a container is: nowhere when it is stopped.
fn attachments(context: &Context<'_>, container: &Container) -> Value {
    if !container.running {
        return json!([]);
    }
    let wanted = container.part("/networks").and_then(Value::as_array);
    wanted
        .into_iter()
        .flatten()
        .filter_map(|wanted| attachment(context, container, wanted))
        .collect()
}

fn attachment(context: &Context<'_>, container: &Container, wanted: &Value) -> Option<Value> {
    let name = wanted.get("network")?.as_str()?;
    let attached = container.attachments.get(&real_name(context, name));
    // The builder sits on the engine's own network.
    let (address, mac) = attached.or_else(|| container.attachments.values().next())?;
    let mut attachment = json!({
        "hostname": wanted.pointer("/options/hostname"),
        "ipv4Address": address,
        "ipv4Gateway": gateway(address).ok()?.to_string(),
        "macAddress": mac,
        "mtu": wanted.pointer("/options/mtu").cloned().unwrap_or(Value::from(1280)),
        "network": name,
    });
    if context.version >= Version::V1_1_0 {
        attachment
            .as_object_mut()?
            .insert("variant".to_owned(), json!("reserved"));
    }
    Some(attachment)
}
