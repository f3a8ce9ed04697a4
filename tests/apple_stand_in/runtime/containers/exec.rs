//! `exec`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::attend::{attend, send};
use super::orphans::{Pipes, Space, command_line, held, leaders, pipes};
use super::start::{Streams, bad_executable};
use crate::runtime::context::Context;
use crate::runtime::engine::{Container, Kind, find_container};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::{emit, log};
use crate::runtime::spec::{User, own_environment, user};

/// `exec`: the options of the first process are inherited (§2.2).
pub(crate) fn exec(context: &Context<'_>) -> Done {
    let id = context.word("container-id")?;
    context.refuse_options(&["ulimit"])?;
    let container = find_container(context.engine, id)?
        .filter(|container| container.configuration.is_some())
        .ok_or_else(|| Failure::missing(format!("get failed: container {id} not found")))?;
    if !container.running {
        return Err(Failure::new(
            Code::InvalidState,
            format!("container {id} is not running"),
        ));
    }
    let streams = Streams::of(context, context.parsed.flag("detach"))?;
    let words = words(context, id, streams)?;
    if streams == Streams::Detached {
        return detached(context, id, &words);
    }
    attended(context, &container, &words, streams)
}

fn words(context: &Context<'_>, id: &str, streams: Streams) -> Result<Vec<String>, Failure> {
    let parsed = context.parsed;
    let mut words = vec!["exec".to_owned()];
    words.extend(streams.words().iter().map(|&word| word.to_owned()));
    let number = |name: &str| parsed.value(name).and_then(|value| value.parse().ok());
    let inherited = User::Raw(String::new());
    let (user, groups) = user(
        parsed.value("user"),
        number("uid"),
        number("gid"),
        inherited,
    );
    if !groups.is_empty() {
        return Err(Failure::lacking("`exec --gid` without `--uid`"));
    }
    if user != User::Raw(String::new()) {
        words.push(format!("--user={}", user.argument()));
    }
    words.extend(parsed.value("workdir").map(|it| format!("--workdir={it}")));
    let environment = own_environment(parsed.values("env-file"), parsed.values("env"), &|name| {
        std::env::var(name).ok()
    })?;
    words.extend(environment.iter().map(|entry| format!("--env={entry}")));
    words.push(id.to_owned());
    words.extend(parsed.words("arguments").iter().cloned());
    Ok(words)
}

fn detached(context: &Context<'_>, id: &str, words: &[String]) -> Done {
    let answer = context.engine.ask(words)?;
    if answer.status != 0 {
        return Err(refused(&answer.complaint()));
    }
    emit(id);
    Ok(())
}

fn attended(
    context: &Context<'_>,
    container: &Container,
    words: &[String],
    streams: Streams,
) -> Done {
    let space = Space::of(container.pid);
    let before = space.members();
    let open = pipes(&before);
    let own = |pids: BTreeSet<u32>| own_processes(context, &before, pids);
    let forward = |signal: Signal| {
        let processes = own(leaders(&space.members()));
        for pid in processes {
            send(pid, signal);
        }
    };
    let command = context.engine.command(words);
    let ended = attend(command, streams, &forward)?;
    if let Some(complaint) = ended.complaint {
        return Err(refused(&complaint));
    }
    if streams != Streams::Terminal {
        output_ends(context, &space, &open)?;
    }
    match ended.status {
        0 => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

/// Finds what this `exec` started among the processes that the engine started since.
fn own_processes(
    context: &Context<'_>,
    before: &BTreeSet<u32>,
    leaders: BTreeSet<u32>,
) -> Vec<u32> {
    let arguments = context.parsed.words("arguments");
    let new: Vec<u32> = leaders
        .into_iter()
        .filter(|pid| !before.contains(pid))
        .collect();
    let same = |pid: &u32| {
        let line = command_line(*pid);
        // A script stands behind its interpreter.
        arguments.iter().skip(1).eq(line
            .iter()
            .rev()
            .take(arguments.len().saturating_sub(1))
            .rev())
    };
    let exact: Vec<u32> = new.iter().copied().filter(same).collect();
    if exact.is_empty() { new } else { exact }
}

/// Waits for the end of the output, 3 s in all (§2.2).
fn output_ends(context: &Context<'_>, space: &Space, before: &Pipes) -> Done {
    // docker has waited for 2 s itself when somebody holds the output.
    let patience = match context.engine.kind {
        Kind::Docker => Duration::from_secs(1),
        Kind::Podman => Duration::from_secs(3),
    };
    let deadline = Instant::now() + patience;
    while held(space, before) {
        if Instant::now() >= deadline {
            log("Timeout waiting for IO to complete : CancellationError()");
            return Err(Failure::new(
                Code::InternalError,
                "failed to exec process CancellationError()",
            ));
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}

fn refused(complaint: &str) -> Failure {
    bad_executable(complaint)
        .unwrap_or_else(|| Failure::new(Code::InternalError, complaint))
        .because("failed to exec process")
}
