//! Runs a command that fits the grammar.

use super::context::Context;
use super::engine::Engine;
use super::failure::{Done, Failure};
use super::output::log;
use super::state::State;
use super::{builder, builds, containers, images, networks, system, volumes};
use crate::argv::Parsed;
use crate::version::Version;

/// Runs a command and returns the status to end with.
pub fn run(version: Version, parsed: &Parsed) -> u8 {
    let Err(failure) = dispatch(version, parsed) else {
        return 0;
    };
    if let Some(text) = failure.text() {
        log(&format!("Error: {text}"));
    }
    if let Failure::Validation(_) = failure {
        let command = &parsed.command;
        log(&format!("Usage: container {command} <options>"));
        log(&format!(
            "  See 'container {command} --help' for more information."
        ));
    }
    failure.status()
}

/// What works with the service down comes first; all else needs it, and 1.0.0 or later.
fn dispatch(version: Version, parsed: &Parsed) -> Done {
    let state = State::open()?;
    match parsed.command.as_str() {
        "system version" => {
            system::version(version, parsed, &state);
            return Ok(());
        }
        "system status" => return system::status(version, parsed, &state),
        "system start" => return system::start(&state),
        command if system::is_down(&state) => return Err(system::down(command)),
        _ => {}
    }
    if version < Version::V1_0_0 {
        return Err(Failure::lacking(&format!("what {} does", version.as_str())));
    }
    let context = Context {
        version,
        parsed,
        engine: Engine::find(state.scope())?,
        state,
    };
    match parsed.command.split_once(' ') {
        Some((group, command)) => grouped(&context, group, command),
        None => ungrouped(&context, &parsed.command),
    }
}

fn ungrouped(context: &Context<'_>, command: &str) -> Done {
    match command {
        "build" => builds::build(context),
        "copy" => containers::copy(context),
        "create" => containers::create(context),
        "delete" => containers::delete(context),
        "exec" => containers::exec(context),
        "export" => containers::export(context),
        "inspect" => containers::inspect(context),
        "kill" => containers::kill(context),
        "list" => containers::list(context),
        "logs" => containers::logs(context),
        "prune" => containers::prune(context),
        "run" => containers::run(context),
        "start" => containers::start(context),
        "stats" => containers::stats(context),
        "stop" => containers::stop(context),
        other => Err(Failure::lacking(&format!("`container {other}`"))),
    }
}

fn grouped(context: &Context<'_>, group: &str, command: &str) -> Done {
    match (group, command) {
        ("builder", "delete") => builder::delete(context),
        ("builder", "start") => builder::start(context),
        ("builder", "status") => builder::status(context),
        ("builder", "stop") => builder::stop(context),
        ("image", "delete") => images::delete(context),
        ("image", "inspect") => images::inspect(context),
        ("image", "list") => images::list(context),
        ("image", "load") => images::load(context),
        ("image", "prune") => images::prune(),
        ("image", "pull") => images::pull(context),
        ("image", "save") => images::save(context),
        ("image", "tag") => images::tag(context),
        ("network", "create") => networks::create(context),
        ("network", "delete") => networks::delete(context),
        ("network", "inspect") => networks::inspect(context),
        ("network", "list") => networks::list(context),
        ("network", "prune") => networks::prune(context),
        ("system", "df") => system::df(context),
        ("system", "dns list") => system::dns_list(context),
        ("system", "property list") => {
            system::properties(context);
            Ok(())
        }
        ("system", "stop") => system::stop(context),
        ("volume", "create") => volumes::create(context),
        ("volume", "delete") => volumes::delete(context),
        ("volume", "inspect") => volumes::inspect(context),
        ("volume", "list") => volumes::list(context),
        ("volume", "prune") => volumes::prune(context),
        (group, command) => Err(Failure::lacking(&format!("`container {group} {command}`"))),
    }
}
