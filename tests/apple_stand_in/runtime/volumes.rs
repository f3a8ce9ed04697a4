//! Volumes (§2.5, §3.3).

use serde_json::{Value, json};

use super::context::{Context, ids_or_all};
use super::engine::{CONFIGURATION, Container, containers, hex, inspect_volumes, volumes};
use super::failure::{Code, Done, Failure};
use super::output::{emit, log};
use super::spec::{bytes, network_labels, volume_name};
use super::time::now;

/// The size unless another is asked for.
const SIZE: u64 = 512 << 30;

/// Returns where Apple keeps a volume's disk.
pub(crate) fn image_path(name: &str) -> String {
    format!("{}volumes/{name}/volume.img", super::system::APP_ROOT)
}

fn make(context: &Context<'_>, name: &str, configuration: &Value) -> Done {
    let mut words = vec![
        "volume".to_owned(),
        "create".to_owned(),
        context.engine.mark(),
        format!("--label={CONFIGURATION}={}", hex(configuration)),
    ];
    words.push(name.to_owned());
    context.engine.ask(&words)?.success().map(drop)
}

fn configuration(name: &str, labels: &Value, options: &Value, size: u64) -> Value {
    json!({
        "name": name,
        "creationDate": now(),
        "driver": "local",
        "format": "ext4",
        "labels": labels,
        "options": options,
        "sizeInBytes": size,
        "source": image_path(name),
    })
}

/// Makes a volume that a container names and that is not there, with a warning.
pub(crate) fn ensure(context: &Context<'_>, name: &str) -> Done {
    if !inspect_volumes(context.engine, &[name.to_owned()])?.is_empty() {
        return Ok(());
    }
    log(&format!("volume '{name}' does not exist, creating it"));
    make(
        context,
        name,
        &configuration(name, &json!({}), &json!({}), SIZE),
    )
}

/// `volume create`.
pub(crate) fn create(context: &Context<'_>) -> Done {
    let parsed = context.parsed;
    let name = context.word("name")?;
    volume_name(name)?;
    let labels = network_labels(parsed.values("label"))?;
    let mut options = serde_json::Map::new();
    for option in parsed.values("opt") {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        options.insert(key.to_owned(), Value::from(value));
    }
    let size = match (
        parsed.value("s"),
        options.get("size").and_then(Value::as_str),
    ) {
        (Some(size), _) | (None, Some(size)) => bytes(size)?,
        (None, None) => SIZE,
    };
    if let Some(size) = parsed.value("s") {
        options.insert("size".to_owned(), Value::from(size));
    }
    let _lock = context.state.lock()?;
    if !inspect_volumes(context.engine, &[name.to_owned()])?.is_empty() {
        let message = format!("volume '{name}' already exists");
        return Err(Failure::new(Code::Exists, message));
    }
    let configuration = configuration(name, &json!(labels), &Value::from(options), size);
    make(context, name, &configuration)?;
    emit(name);
    Ok(())
}

fn described(configuration: &Value) -> Value {
    json!({"id": configuration.get("name"), "configuration": configuration})
}

/// `volume list`.
pub(crate) fn list(context: &Context<'_>) -> Done {
    let found = volumes(context.engine)?;
    let items: Vec<Value> = found
        .iter()
        .map(|it| described(&it.configuration))
        .collect();
    context.print_list(&items, &["NAME", "TYPE", "DRIVER", "OPTIONS"], |item| {
        let text = |pointer: &str| {
            let value = item.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let driver = text("/configuration/driver");
        vec![text("/id"), "named".to_owned(), driver, String::new()]
    })
}

/// `volume inspect`: all of them or nothing.
pub(crate) fn inspect(context: &Context<'_>) -> Done {
    let names = context.ids("names");
    let found = inspect_volumes(context.engine, &names)?;
    let mut items = Vec::new();
    let mut missing = Vec::new();
    for name in &names {
        match found.iter().find(|volume| volume.name == *name) {
            Some(volume) => items.push(described(&volume.configuration)),
            None => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Failure::missing(format!("volume not found: {missing}")));
    }
    context.print_inspection(items);
    Ok(())
}

/// `volume delete`: not while a container has it, not even one that never ran.
pub(crate) fn delete(context: &Context<'_>) -> Done {
    ids_or_all(context, "names", ["volumes", "volume name(s)"])?;
    let known = volumes(context.engine)?;
    let names: Vec<String> = if context.parsed.flag("all") {
        known.iter().map(|volume| volume.name.clone()).collect()
    } else {
        context.ids("names")
    };
    let is_known = |name: &str| known.iter().any(|volume| volume.name == name);
    let missing: Vec<&String> = names.iter().filter(|name| !is_known(name)).collect();
    if !missing.is_empty() {
        let message = format!("failed to delete one or more volumes: {missing:?}");
        return Err(Failure::missing(message));
    }
    let users = containers(context.engine)?;
    let mut failed = Vec::new();
    for name in &names {
        match delete_one(context, name, &users) {
            Ok(()) => emit(name),
            Err(failure) => {
                let text = failure.text().unwrap_or_default();
                log(&format!("failed to delete volume {name}: {text}"));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("delete failed for one or more volumes: {failed:?}");
    Err(Failure::new(Code::InternalError, message))
}

fn is_used(name: &str, users: &[Container]) -> bool {
    users
        .iter()
        .any(|container| container.volumes().iter().any(|it| it == name))
}

fn delete_one(context: &Context<'_>, name: &str, users: &[Container]) -> Done {
    if is_used(name, users) {
        return Err(Failure::new(
            Code::InvalidState,
            format!(
                "volume '{name}' is currently in use and cannot be accessed by another container, \
                 or deleted"
            ),
        ));
    }
    context
        .engine
        .ask(&["volume", "rm", name])?
        .success()
        .map(drop)
}

/// `volume prune`: those that no container has.
pub(crate) fn prune(context: &Context<'_>) -> Done {
    let users = containers(context.engine)?;
    for volume in volumes(context.engine)? {
        if !is_used(&volume.name, &users) {
            delete_one(context, &volume.name, &users)?;
            emit(&volume.name);
        }
    }
    log("Reclaimed Zero KB in disk space");
    Ok(())
}
