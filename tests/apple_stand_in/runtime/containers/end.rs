//! `stop`, `kill`, `delete` and `prune` of containers (§2.2).

use serde_json::Value;

use crate::runtime::builder;
use crate::runtime::context::{Context, each, ids_or_all};
use crate::runtime::engine::{Container, containers, find_container};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::{emit, log};

/// `stop`: a container that is stopped already is no error.
pub(crate) fn stop(context: &Context<'_>) -> Done {
    ids_or_all(context, "container-ids", ["containers", "container ID(s)"])?;
    let time = context.parsed.value("time").unwrap_or("5").to_owned();
    let signal = context
        .parsed
        .value("signal")
        .map(known_signal)
        .transpose()?;
    each(&targets(context, |container| container.running)?, |id| {
        let container = found(context, id, "failed to stop container")?;
        if !container.running {
            return Ok(());
        }
        let mut words = vec!["stop", "--time", &time];
        if let Some(signal) = &signal {
            words.extend(["--signal", signal]);
        }
        words.push(&container.id);
        stopped(context, &container, &words, signal.as_deref())
    })
}

/// podman's `stop` has no `--signal`: the signal is sent, and what is left is stopped.
fn stopped(
    context: &Context<'_>,
    container: &Container,
    words: &[&str],
    signal: Option<&str>,
) -> Done {
    let engine = context.engine;
    match (engine.kind, signal) {
        (crate::runtime::engine::Kind::Podman, Some(signal)) => {
            engine.ask(&["kill", "--signal", signal, &container.id])?;
            let time = context.parsed.value("time").unwrap_or("5");
            engine
                .ask(&["stop", "--time", time, &container.id])?
                .success()?;
        }
        (crate::runtime::engine::Kind::Podman | crate::runtime::engine::Kind::Docker, _) => {
            engine.ask(words)?.success()?;
        }
    }
    Ok(())
}

/// `kill`: only what runs can be killed, and with SIGKILL the end is awaited.
pub(crate) fn kill(context: &Context<'_>) -> Done {
    ids_or_all(context, "container-ids", ["containers", "container ID(s)"])?;
    let signal = known_signal(context.parsed.value("signal").unwrap_or("KILL"))?;
    let engine = context.engine;
    each(&targets(context, |container| container.running)?, |id| {
        let what = "failed to kill container";
        let container = found(context, id, what)?;
        if !container.running {
            let message = "no runtime client exists: container is stopped";
            return Err(Failure::new(Code::InvalidState, message).because(what));
        }
        engine
            .ask(&["kill", "--signal", &signal, &container.id])?
            .success()?;
        if matches!(signal.as_str(), "KILL" | "SIGKILL" | "9") {
            engine.ask(&["wait", &container.id])?;
        }
        Ok(())
    })
}

/// `delete`: what runs stays unless it is forced; `--all` leaves it out.
pub(crate) fn delete(context: &Context<'_>) -> Done {
    ids_or_all(context, "container-ids", ["containers", "container ID(s)"])?;
    let force = context.parsed.flag("force");
    each(
        &targets(context, |container| force || !container.running)?,
        |id| {
            let what = "failed to delete container";
            let container = found(context, id, what)?;
            if container.running && !force {
                let message = format!("container {id} is running and can not be deleted");
                return Err(Failure::new(Code::InvalidState, message).because(what));
            }
            removed(context, &container.id)
        },
    )
}

/// `prune`: all that do not run.
pub(crate) fn prune(context: &Context<'_>) -> Done {
    for container in containers(context.engine)? {
        if !container.running {
            removed(context, &container.id)?;
            emit(&builder::shown_id(context, &container.id));
        }
    }
    log("Reclaimed Zero KB in disk space");
    Ok(())
}

fn removed(context: &Context<'_>, id: &str) -> Done {
    let answer = context.engine.ask(&["rm", "--force", id])?;
    // Another invocation may be removing it already, with `--rm` or on its own.
    if answer.status != 0 && find_container(context.engine, id)?.is_some() {
        answer.success()?;
    }
    context.state.remove(&format!("containers/{id}"));
    Ok(())
}

/// Returns the ids that are given, or with `--all` those that the condition holds for.
fn targets(
    context: &Context<'_>,
    condition: impl Fn(&Container) -> bool,
) -> Result<Vec<String>, Failure> {
    if !context.parsed.flag("all") {
        return Ok(context.ids("container-ids"));
    }
    let mut all = containers(context.engine)?;
    all.retain(|container| condition(container));
    Ok(all
        .iter()
        .map(|it| builder::shown_id(context, &it.id))
        .collect())
}

fn found(context: &Context<'_>, id: &str, what: &str) -> Result<Container, Failure> {
    find_container(context.engine, &builder::real_id(context, id))?
        .filter(|container| {
            container
                .configuration
                .as_ref()
                .is_some_and(Value::is_object)
        })
        .ok_or_else(|| Failure::missing(format!("container with ID {id} not found")).because(what))
}

/// Refuses what is no signal of Linux.
fn known_signal(text: &str) -> Result<String, Failure> {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number = name
        .parse()
        .is_ok_and(|number: u8| (1..=64).contains(&number));
    if number || NAMES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(Failure::invalid(format!("invalid signal: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_names_or_numbers() {
        for (text, expected) in [("TERM", "TERM"), ("sigint", "INT"), ("9", "9")] {
            assert_eq!(known_signal(text).unwrap(), expected);
        }
        for bad in ["", "NOPE", "0", "99"] {
            assert!(known_signal(bad).is_err(), "{bad}");
        }
    }
}
