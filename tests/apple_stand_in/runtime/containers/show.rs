//! `list` and `inspect`.

use serde_json::Value;

use super::describe::described;
use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::{Container, containers, inspect_containers};
use crate::runtime::failure::{Done, Failure};

/// `list`: the order is not promised, and so it is not kept either.
pub(crate) fn list(context: &Context<'_>) -> Done {
    let mut found = containers(context.engine)?;
    if !context.parsed.flag("all") {
        found.retain(|container| container.running);
    }
    shuffle(&mut found);
    let items: Vec<Value> = found
        .iter()
        .map(|container| builder::renamed(context, described(context, container)))
        .collect();
    let header = [
        "ID", "IMAGE", "OS", "ARCH", "STATE", "IP", "CPUS", "MEMORY", "STARTED",
    ];
    context.print_list(&items, &header, row)
}

fn row(item: &Value) -> Vec<String> {
    let text = |pointer: &str| {
        let value = item.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let number = |pointer: &str| item.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    vec![
        text("/id"),
        text("/configuration/image/reference"),
        text("/configuration/platform/os"),
        text("/configuration/platform/architecture"),
        text("/status/state"),
        text("/status/networks/0/ipv4Address"),
        number("/configuration/resources/cpus").to_string(),
        format!(
            "{} MB",
            number("/configuration/resources/memoryInBytes") >> 20
        ),
        text("/status/startedDate"),
    ]
}

fn shuffle(found: &mut [Container]) {
    let nanoseconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| age.subsec_nanos());
    let by = usize::try_from(nanoseconds).unwrap_or(0) / 1000;
    if !found.is_empty() {
        found.rotate_left(by % found.len());
    }
    if by % 2 == 1 {
        found.reverse();
    }
}

/// `inspect`: all of them or nothing (§2.2).
pub(crate) fn inspect(context: &Context<'_>) -> Done {
    let ids = context.ids("container-ids");
    let real: Vec<String> = ids.iter().map(|id| builder::real_id(context, id)).collect();
    let found = inspect_containers(context.engine, &real)?;
    let mut items = Vec::new();
    let mut missing = Vec::new();
    for (id, real) in ids.iter().zip(&real) {
        match found
            .iter()
            .find(|it| it.id == *real && it.configuration.is_some())
        {
            Some(container) => {
                items.push(builder::renamed(context, described(context, container)));
            }
            None => missing.push(id.as_str()),
        }
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Failure::missing(format!("container not found: {missing}")));
    }
    context.print_inspection(items);
    Ok(())
}
