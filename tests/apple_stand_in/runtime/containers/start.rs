//! `start`, and how every container starts.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::attend::attend;
use super::files;
use super::placement::{Place, moved, needs_route, places, route};
use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::{Container, containers, find_container, inspect_networks};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::images;
use crate::runtime::networks::real_name;
use crate::runtime::output::emit;

/// What of the caller's streams the process gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    /// None: it is left to itself.
    Detached,
    /// Its output is shown.
    Output,
    /// Its output is shown and it gets the input.
    Both,
    /// It has the caller's terminal.
    Terminal,
}

impl Streams {
    /// Reads the flags of `run` and `exec`. A terminal needs one on the caller's side.
    pub(super) fn of(context: &Context<'_>, detached: bool) -> Result<Self, Failure> {
        let parsed = context.parsed;
        if detached {
            return Ok(Self::Detached);
        }
        if parsed.flag("tty") {
            if !std::io::stdin().is_terminal() {
                // Apple's `Terminal.current` throws when standard input is no terminal.
                return Err(Failure::Other("not a tty".to_owned()));
            }
            return Ok(Self::Terminal);
        }
        Ok(if parsed.flag("interactive") {
            Self::Both
        } else {
            Self::Output
        })
    }

    /// Returns the engine's words.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Detached => &["--detach"],
            Self::Output => &[],
            Self::Both => &["--interactive"],
            Self::Terminal => &["--interactive", "--tty"],
        }
    }
}

/// `start`: exactly one container (§2.2).
pub(crate) fn start(context: &Context<'_>) -> Done {
    let id = context.word("container-id")?;
    let parsed = context.parsed;
    let real = builder::real_id(context, id);
    let container = find_container(context.engine, &real)?
        .filter(|container| container.configuration.is_some())
        .ok_or_else(|| Failure::missing(format!("get failed: container {id} not found")))?;
    let attach = parsed.flag("attach") || parsed.flag("interactive");
    if container.running {
        if attach {
            return Err(Failure::invalid(
                "attach is currently unsupported on already running containers",
            ));
        }
        emit(id);
        return Ok(());
    }
    let streams = match (attach, parsed.flag("interactive")) {
        (false, _) => Streams::Detached,
        (true, false) => Streams::Output,
        (true, true) => Streams::Both,
    };
    match begin(context, &container.id, streams)? {
        Some(0) => Ok(()),
        Some(status) => Err(Failure::Status(status)),
        None => {
            emit(id);
            Ok(())
        }
    }
}

/// Starts a container that exists. Returns the process's status when it was attended.
pub(super) fn begin(
    context: &Context<'_>,
    id: &str,
    streams: Streams,
) -> Result<Option<u8>, Failure> {
    let container = find_container(context.engine, id)?
        .ok_or_else(|| Failure::missing(format!("get failed: container {id} not found")))?;
    sources_exist(&container)?;
    let volumes = container.volumes();
    let lock = if volumes.is_empty() {
        None
    } else {
        Some(context.state.lock()?)
    };
    volumes_are_free(context, &container, &volumes)?;
    drop(lock);
    let places = placed(context, &container)?;
    match streams {
        Streams::Detached => {
            let answer = context.engine.ask(&["start", id])?;
            if answer.status != 0 {
                return Err(refused(&answer.complaint()));
            }
            if needs_route(&places) {
                routed(context, id, &places)?;
            }
            Ok(None)
        }
        Streams::Output | Streams::Both | Streams::Terminal => {
            attended(context, id, streams, &places).map(Some)
        }
    }
}

fn attended(
    context: &Context<'_>,
    id: &str,
    streams: Streams,
    places: &[Place],
) -> Result<u8, Failure> {
    let mut words = vec!["start", "--attach"];
    if streams != Streams::Output {
        words.push("--interactive");
    }
    words.push(id);
    let command = context.engine.command(&words);
    std::thread::scope(|scope| {
        let routing = needs_route(places).then(|| scope.spawn(|| routed(context, id, places)));
        let forward = |signal: Signal| {
            let name = if signal == Signal::INT { "INT" } else { "TERM" };
            // It may have ended by now.
            drop(context.engine.ask(&["kill", "--signal", name, id]));
        };
        let ended = attend(command, streams, &forward)?;
        if let Some(complaint) = ended.complaint {
            return Err(refused(&complaint));
        }
        match routing.map(std::thread::ScopedJoinHandle::join) {
            Some(Ok(Err(failure))) => Err(failure),
            Some(Ok(Ok(())) | Err(_)) | None => Ok(ended.status),
        }
    })
}

/// Waits until the container runs, and sets its route. One that has ended needs none.
fn routed(context: &Context<'_>, id: &str, places: &[Place]) -> Done {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        match find_container(context.engine, id)? {
            Some(container) if container.running => return route(container.pid, places),
            Some(container) if container.started.is_some() => return Ok(()),
            Some(_) => std::thread::park_timeout(Duration::from_millis(5)),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Returns the name of the file that says when a container was started again.
///
/// The engine's own date will not do: it is later than the first lines of a quick process.
pub(super) fn since_file(id: &str) -> String {
    format!("containers/{id}/since")
}

/// Puts a container that ran before to new addresses (§4.1).
fn placed(context: &Context<'_>, container: &Container) -> Result<Vec<Place>, Failure> {
    let names = container.networks();
    if container.started.is_some() {
        let now = jiff::Timestamp::now().to_string();
        context.state.write(&since_file(&container.id), &now)?;
        let places = places(context, &names)?;
        moved(context, &container.id, &places)?;
        let address = places.first().map(|place| place.address);
        let resolver = resolver(context, container, places.first())?;
        files::write(context, &container.id, &resolver, address)?;
        return Ok(places);
    }
    // Its addresses were taken when it was created; the networks are all that is needed now.
    let real: Vec<String> = names.iter().map(|name| real_name(context, name)).collect();
    let found = inspect_networks(context.engine, &real)?;
    let network = |name: &String| found.iter().find(|network| network.name == *name).cloned();
    let unspecified = std::net::Ipv4Addr::UNSPECIFIED;
    Ok(real
        .iter()
        .filter_map(network)
        .map(|network| Place {
            network,
            address: unspecified,
        })
        .collect())
}

fn resolver(
    context: &Context<'_>,
    container: &Container,
    first: Option<&Place>,
) -> Result<String, Failure> {
    if let Some(dns) = container.part("/dns") {
        let gateway = first.map(Place::gateway).transpose()?;
        return Ok(files::resolver_text(dns, gateway));
    }
    let reference = container.part("/image/reference").and_then(Value::as_str);
    let (image, _) = images::for_container(context, reference.unwrap_or_default())?;
    files::resolver_of_image(context, &image)
}

fn sources_exist(container: &Container) -> Done {
    let mounts = container.part("/mounts").and_then(Value::as_array);
    for mount in mounts.into_iter().flatten() {
        let source = mount
            .get("source")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if mount.pointer("/type/virtiofs").is_some() && !Path::new(source).exists() {
            return Err(Failure::missing(format!(
                "mount source path '{source}' does not exist"
            )));
        }
    }
    Ok(())
}

/// A volume is a disk, and a disk belongs to one machine (§2.5).
fn volumes_are_free(context: &Context<'_>, container: &Container, volumes: &[String]) -> Done {
    if volumes.is_empty() {
        return Ok(());
    }
    let taken = containers(context.engine)?.iter().any(|other| {
        let shared = other.volumes().iter().any(|name| volumes.contains(name));
        other.running && other.id != container.id && shared
    });
    if !taken {
        return Ok(());
    }
    Err(Failure::Other(
        "Error Domain=VZErrorDomain Code=2 \"The storage device attachment is invalid.\""
            .to_owned(),
    ))
}

/// Tells in Apple's words why a container did not start.
fn refused(complaint: &str) -> Failure {
    if let Some(failure) = bad_executable(complaint) {
        return failure.because("failed to bootstrap container");
    }
    let lower = complaint.to_ascii_lowercase();
    if lower.contains("address already in use") || lower.contains("port is already allocated") {
        return Failure::new(Code::InternalError, "Address already in use")
            .because("failed to bootstrap container");
    }
    Failure::new(Code::InternalError, complaint).because("failed to bootstrap container")
}

/// Recognises an executable that cannot be run (§2.2).
pub(super) fn bad_executable(complaint: &str) -> Option<Failure> {
    let lower = complaint.to_ascii_lowercase();
    let kinds = [
        "executable file not found",
        "no such file or directory",
        "permission denied",
    ];
    if !lower.contains("exec") || !kinds.iter().any(|kind| lower.contains(kind)) {
        return None;
    }
    let (_, rest) = complaint.rsplit_once("exec: \"").unwrap_or(("", complaint));
    let program = rest.split('"').next().unwrap_or_default();
    Some(Failure::new(
        Code::InternalError,
        format!("failed to find target executable {program}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_executable_is_recognised() {
        let docker = "OCI runtime exec failed: exec failed: unable to start container process: \
                      exec: \"nope\": executable file not found in $PATH: unknown";
        let failure = bad_executable(docker).unwrap();
        assert_eq!(
            failure.text().as_deref(),
            Some("failed to find target executable nope")
        );
        assert!(bad_executable("network x not found").is_none());
    }
}
