//! Networks (§2.4, §3.2, §4.1).

use serde_json::{Value, json};

use super::context::{Context, ids_or_all};
use super::engine::{
    CONFIGURATION, Container, Kind, Network, containers, find_network, inspect_networks, networks,
};
use super::failure::{Code, Done, Failure};
use super::output::{emit, log};
use super::spec::{network_labels, network_name};
use super::time::now;

/// The real name of the builtin network: engines have their own idea of `default`.
const DEFAULT: &str = "apple-stand-in-default";
/// The builtin network's subnet, which no other network gets.
const DEFAULT_SUBNET: u8 = 64;
/// How often another subnet is tried when the engine says that one is taken.
const TRIES: usize = 40;

/// Returns the engine's name of a network.
pub(crate) fn real_name(context: &Context<'_>, name: &str) -> String {
    if name == "default" {
        default_name(context)
    } else {
        name.to_owned()
    }
}

fn default_name(context: &Context<'_>) -> String {
    context.engine.scoped(DEFAULT)
}

/// Makes the builtin network if it is not there.
pub(crate) fn ensure_default(context: &Context<'_>) -> Done {
    if find_network(context.engine, &default_name(context))?.is_some() {
        return Ok(());
    }
    let _lock = context.state.lock()?;
    if find_network(context.engine, &default_name(context))?.is_some() {
        return Ok(());
    }
    make(context, &default_name(context), &builtin())
}

/// Removes the builtin network, which goes with the service.
pub(crate) fn remove_default(context: &Context<'_>) -> Done {
    context
        .engine
        .ask(&["network", "rm", &default_name(context)])?;
    Ok(())
}

fn builtin() -> Value {
    json!({
        "name": "default",
        "creationDate": now(),
        "mode": "nat",
        "labels": {"com.apple.container.resource.role": "builtin"},
        "plugin": "container-network-vmnet",
        "options": {},
    })
}

/// `network create`.
pub(crate) fn create(context: &Context<'_>) -> Done {
    let parsed = context.parsed;
    let name = context.word("name")?;
    network_name(name)?;
    let labels = network_labels(parsed.values("label"))?;
    context.refuse_options(&["option", "subnet-v6"])?;
    if parsed
        .value("plugin")
        .is_some_and(|it| it != "container-network-vmnet")
    {
        return Err(Failure::lacking("other network plugins"));
    }
    let mut configuration = json!({
        "name": name,
        "creationDate": now(),
        "mode": if parsed.flag("internal") { "hostOnly" } else { "nat" },
        "labels": labels,
        "plugin": "container-network-vmnet",
        "options": {},
    });
    if let (Some(subnet), Some(map)) = (parsed.value("subnet"), configuration.as_object_mut()) {
        map.insert("ipv4Subnet".to_owned(), Value::from(subnet));
    }
    let _lock = context.state.lock()?;
    if name == "default" || find_network(context.engine, name)?.is_some() {
        return Err(Failure::new(
            Code::Exists,
            format!("network {name} already exists"),
        ));
    }
    make(context, name, &configuration)?;
    emit(name);
    Ok(())
}

/// Makes a network on the engine. Unless a subnet is given the first free one is taken: Apple's
/// start at 192.168.64.0/24 and go upward.
fn make(context: &Context<'_>, real: &str, configuration: &Value) -> Done {
    let given = configuration.get("ipv4Subnet").and_then(Value::as_str);
    if let Some(subnet) = given {
        let answer = context
            .engine
            .ask(&words(context, real, subnet, configuration))?;
        if answer.status != 0 {
            return Err(overlap(&answer.complaint(), subnet));
        }
        return Ok(());
    }
    let taken: Vec<String> = networks(context.engine)?
        .into_iter()
        .map(|it| it.subnet)
        .collect();
    // Both engines may be in use on one machine, and neither knows of the other's networks.
    let start = match context.engine.kind {
        Kind::Docker => DEFAULT_SUBNET,
        Kind::Podman => 160,
    };
    let start = if real == default_name(context) {
        start
    } else {
        start + 1
    };
    let free = (start..=254)
        .map(|third| format!("192.168.{third}.0/24"))
        .filter(|subnet| !taken.contains(subnet));
    let mut last = String::new();
    for subnet in free.take(TRIES) {
        let answer = context
            .engine
            .ask(&words(context, real, &subnet, configuration))?;
        if answer.status == 0 {
            return Ok(());
        }
        last = answer.complaint();
        if !is_overlap(&last) {
            break;
        }
    }
    Err(Failure::new(Code::InternalError, last))
}

fn is_overlap(complaint: &str) -> bool {
    let lower = complaint.to_ascii_lowercase();
    lower.contains("overlap") || lower.contains("already used")
}

fn overlap(complaint: &str, subnet: &str) -> Failure {
    if is_overlap(complaint) {
        return Failure::new(
            Code::Exists,
            format!("IPv4 subnet {subnet} overlaps an existing network with subnet {subnet}"),
        );
    }
    Failure::new(Code::InternalError, complaint)
}

fn words(context: &Context<'_>, real: &str, subnet: &str, configuration: &Value) -> Vec<String> {
    let mut words = vec![
        "network".to_owned(),
        "create".to_owned(),
        format!("--subnet={subnet}"),
        context.engine.mark(),
        format!("--label={CONFIGURATION}={configuration}"),
    ];
    if configuration.get("mode").and_then(Value::as_str) == Some("hostOnly") {
        words.push("--internal".to_owned());
    }
    match context.engine.kind {
        Kind::Docker => words.push("--opt=com.docker.network.driver.mtu=1280".to_owned()),
        // Apple's networks know no names; podman's resolver would.
        Kind::Podman => words.extend(["--opt=mtu=1280".to_owned(), "--disable-dns".to_owned()]),
    }
    words.push(real.to_owned());
    words
}

/// Describes a network.
fn described(network: &Network) -> Option<Value> {
    let configuration = network.configuration.as_ref()?;
    let (address, length) = network.subnet.split_once('/')?;
    let (front, last) = address.rsplit_once('.')?;
    let last: u8 = last.parse().ok()?;
    Some(json!({
        "id": configuration.get("name"),
        "configuration": configuration,
        "status": {
            "ipv4Subnet": format!("{address}/{length}"),
            "ipv4Gateway": format!("{front}.{}", last.saturating_add(1)),
        },
    }))
}

/// Lists all networks, the builtin one first to be sure that it is there.
fn all(context: &Context<'_>) -> Result<Vec<Network>, Failure> {
    let found = networks(context.engine)?;
    if found
        .iter()
        .any(|network| network.name == default_name(context))
    {
        return Ok(found);
    }
    ensure_default(context)?;
    networks(context.engine)
}

/// `network list`: sorted by id.
pub(crate) fn list(context: &Context<'_>) -> Done {
    let mut items: Vec<Value> = all(context)?.iter().filter_map(described).collect();
    items.sort_by_key(|item| text(item, "/id"));
    context.print_list(&items, &["NETWORK", "SUBNET"], |item| {
        vec![text(item, "/id"), text(item, "/status/ipv4Subnet")]
    })
}

fn text(item: &Value, pointer: &str) -> String {
    let value = item.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

/// `network inspect`: all of them or nothing.
pub(crate) fn inspect(context: &Context<'_>) -> Done {
    let names = context.ids("networks");
    if names.iter().any(|name| name == "default") {
        ensure_default(context)?;
    }
    let real: Vec<String> = names.iter().map(|name| real_name(context, name)).collect();
    let found = inspect_networks(context.engine, &real)?;
    let mut items = Vec::new();
    let mut missing = Vec::new();
    for (name, real) in names.iter().zip(&real) {
        let network = found.iter().find(|network| network.name == *real);
        match network.and_then(described) {
            Some(item) => items.push(item),
            None => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Failure::missing(format!("network not found: {missing}")));
    }
    context.print_inspection(items);
    Ok(())
}

/// `network delete`: not while a container refers to it, not even a stopped one.
pub(crate) fn delete(context: &Context<'_>) -> Done {
    ids_or_all(context, "network-names", ["networks", "network name(s)"])?;
    let known = networks(context.engine)?;
    let names = if context.parsed.flag("all") {
        let own = known
            .iter()
            .filter(|network| network.name != default_name(context));
        own.map(|network| network.name.clone()).collect()
    } else {
        context.ids("network-names")
    };
    let is_known = |name: &str| name == "default" || known.iter().any(|it| it.name == name);
    let missing: Vec<&String> = names.iter().filter(|name| !is_known(name)).collect();
    if !missing.is_empty() {
        let message = format!("failed to delete one or more networks: {missing:?}");
        return Err(Failure::missing(message));
    }
    if names.iter().any(|name| name == "default") {
        return Err(Failure::invalid("cannot delete a builtin network: default"));
    }
    let users = containers(context.engine)?;
    let mut failed = Vec::new();
    for name in &names {
        match delete_one(context, name, &users) {
            Ok(()) => emit(name),
            Err(failure) => {
                log(&format!(
                    "failed to delete network {name}: {}",
                    failure.described()
                ));
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("delete failed for one or more networks: {failed:?}");
    Err(Failure::new(Code::InternalError, message))
}

fn delete_one(context: &Context<'_>, name: &str, users: &[Container]) -> Done {
    let user = users
        .iter()
        .find(|container| container.networks().iter().any(|it| it == name));
    if let Some(user) = user {
        return Err(Failure::new(
            Code::InvalidState,
            format!(
                "cannot delete subnet {name} with referring containers: {}",
                user.id
            ),
        ));
    }
    let id = find_network(context.engine, name)?.map(|network| network.id);
    context.engine.ask(&["network", "rm", name])?.success()?;
    if let Some(id) = id {
        context.state.remove(&format!("addresses/{id}"));
    }
    Ok(())
}

/// `network prune`: those that no container refers to; never the builtin one.
pub(crate) fn prune(context: &Context<'_>) -> Done {
    let users = containers(context.engine)?;
    for network in networks(context.engine)? {
        let used = users
            .iter()
            .any(|container| container.networks().contains(&network.name));
        if network.name != default_name(context) && !used {
            delete_one(context, &network.name, &users)?;
            emit(&network.name);
        }
    }
    Ok(())
}
