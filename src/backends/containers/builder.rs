//! The user's own build, on a builder that all builds of this machine share.
//!
//! That builder has one resolver from its start on. A build that fails while its steps find no names
//! is tried once more on a builder that was started anew, unless that would end somebody's build.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bottle_contract::guest;

use super::images::{Context, Workshop};
use super::plan;
use super::record::BuilderState;
use super::request::{BuildNetwork, BuildSpec, Request};
use crate::process::{self, Invocation};

/// A name that is there as long as there is DNS (RFC 2606).
const KNOWN_NAME: &str = "example.com";
/// The image whose build asks for that name; it is replaced each time.
const CHECK_TAG: &str = "localhost/bottle/builder-check:latest";
/// How long listing the processes of this machine may take.
const PROCESSES: Duration = Duration::from_secs(10);

/// Held while the builder is looked at and started: our own builds run at the same time.
static STARTING: Mutex<()> = Mutex::new(());

/// Builds on the shared builder.
pub(super) fn build(workshop: Workshop<'_>, doing: &str, spec: BuildSpec) -> Result<()> {
    let resolver =
        plan::resolver(workshop.request, workshop.can).map(|address| address.to_string());
    ensure(workshop, resolver.clone())?;
    let network = spec.network;
    let request = Request::BuildImage(spec);
    let Err(failed) = workshop.make(doing, &request) else {
        return Ok(());
    };
    // Steps of ours ask for no names.
    if network == BuildNetwork::None || workshop.progress.check().is_err() || resolves(workshop) {
        return Err(failed);
    }
    let Some(resolver) = resolver else {
        return Err(failed.context(
            "the builder's steps find no names, and this machine's settings name no resolver for them",
        ));
    };
    restart(workshop, resolver).with_context(|| format!("{failed:#}"))?;
    workshop.make(doing, &request)
}

/// Starts the builder when it does not run; somebody else may be doing that at the same time.
fn ensure(workshop: Workshop<'_>, resolver: Option<String>) -> Result<()> {
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if workshop.engine.builder()? == BuilderState::Running {
        return Ok(());
    }
    let started = start(workshop, resolver);
    match workshop.engine.builder()? {
        BuilderState::Running => Ok(()),
        BuilderState::Stopped => started.and_then(|()| bail!("the builder does not start")),
    }
}

fn start(workshop: Workshop<'_>, resolver: Option<String>) -> Result<()> {
    workshop.make("start the builder", &Request::StartBuilder { resolver })
}

fn restart(workshop: Workshop<'_>, resolver: String) -> Result<()> {
    let program = workshop.engine.dialect().program();
    match other_builds(program) {
        Ok(0) => {}
        Ok(count) => bail!(
            "the builder's steps find no names, and it cannot be started anew now: {count} other build(s) run on it; try again when they have ended"
        ),
        Err(error) => {
            return Err(error.context(
                "the builder's steps find no names, and whether other builds run on it cannot be told, so it is left alone",
            ));
        }
    }
    workshop.progress.warn(&format!(
        "the shared builder finds no names; it is started anew with the resolver {resolver}, which would end any other build on it"
    ));
    workshop.make("stop the builder", &Request::StopBuilder)?;
    start(workshop, Some(resolver))
}

/// Builds an image whose one step asks for a name.
fn resolves(workshop: Workshop<'_>) -> bool {
    let check = || -> Result<()> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| anyhow!("no random bytes: {error}"))?;
        // A step whose words were never seen is run, and not taken from the cache.
        let dockerfile = format!(
            "FROM scratch\nCOPY guest {guest}\nENV BOTTLE_CHECK={}\nRUN [\"{guest}\", \"resolves\", \"{KNOWN_NAME}\"]\n",
            super::images::hex(&random),
            guest = guest::GUEST,
        );
        let context = Context::new(&dockerfile)?;
        context.add_program(&workshop.request.sidecar.binary, "guest")?;
        // By its own, so that this is no build that is tried again.
        let spec = context.spec(workshop, CHECK_TAG, BuildNetwork::Engines);
        let doing = "find out whether the builder finds names";
        workshop.make(doing, &Request::BuildImage(spec))
    };
    check().is_ok()
}

/// Counts the builds of this machine that run now; ours has ended.
fn other_builds(program: &str) -> Result<usize> {
    let lines = if cfg!(target_os = "macos") {
        command_lines_by_ps()
    } else {
        command_lines_in(Path::new("/proc"))
    };
    let lines = lines.context("could not list this machine's processes")?;
    Ok(builds_in(&lines, program))
}

fn command_lines_by_ps() -> Result<String> {
    let ps = Invocation::new("/bin/ps", ["-axo", "command="]);
    let listed = process::run(&ps, PROCESSES)?;
    if !listed.success() {
        bail!("`ps` failed: {}", listed.stderr_text().trim());
    }
    Ok(listed.stdout_text().into_owned())
}

fn command_lines_in(proc: &Path) -> Result<String> {
    let mut lines = String::new();
    for entry in fs::read_dir(proc)? {
        // What is no process, or has ended meanwhile, has none.
        let Ok(words) = fs::read(entry?.path().join("cmdline")) else {
            continue;
        };
        lines.push_str(&String::from_utf8_lossy(&words).replace(['\0', '\n'], " "));
        lines.push('\n');
    }
    Ok(lines)
}

fn builds_in(processes: &str, program: &str) -> usize {
    let is_build = |line: &&str| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        first.rsplit('/').next() == Some(program)
            && words.find(|word| !word.starts_with('-')) == Some("build")
    };
    processes.lines().filter(is_build).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_told_from_other_calls() {
        let processes = "/usr/local/bin/container build --tag=a /x\ncontainer --debug build .\ncontainer run build\n/usr/bin/docker build .\ngrep container build\n-zsh\n\n";
        assert_eq!(builds_in(processes, "container"), 2);
        assert_eq!(builds_in("", "container"), 0);
    }

    #[test]
    fn this_machines_processes_can_be_listed() {
        assert!(other_builds("no-such-engine").is_ok_and(|count| count == 0));
        // The control: this test is among them.
        if cfg!(not(target_os = "macos")) {
            let lines = command_lines_in(Path::new("/proc")).unwrap();
            let own = std::env::current_exe().unwrap();
            assert!(lines.contains(own.to_str().unwrap()), "{lines}");
        }
    }
}
