//! `guest exec`: becomes the agent's command, or stays beside it for its output's sake.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use bottle_contract::guest::{ENVIRONMENT, Environment, HOME};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{self, CapabilitySet, CapabilitySets};

use super::call::{Failure, usage};
use super::limits::{MESSAGE_BYTES, SURROUNDINGS_BYTES};
use super::lookup::{DEFAULT_PATH, Lookup, find};
use super::relay::Relay;
use super::{accounts, files, filter, init, input};

/// Bottle itself failed, before there was a command to speak of.
const FAILED: u8 = 125;
/// The command is there and cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const NOT_FOUND: u8 = 127;

/// Replaces this process by the command, or runs it and returns the status that it ended with.
pub(super) fn exec(root: &Path, words: &[OsString]) -> Result<u8, Failure> {
    let words = match words {
        [dashes, words @ ..] if dashes == "--" => words,
        words => words,
    };
    let Some((command, args)) = words.split_first() else {
        return Err(usage("`exec` needs a command"));
    };
    let failed = |reason| Failure {
        code: FAILED,
        reason,
    };
    let environment = load(root).map_err(failed)?;
    std::env::set_current_dir(&environment.workdir)
        .with_context(|| format!("cannot start in the folder `{}`", environment.workdir))
        .map_err(failed)?;
    let home = match variable(&environment, "HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home),
        None => home(root, rustix::process::getuid().as_raw()).map_err(failed)?,
    };
    let path = variable(&environment, "PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let program = match find(command, &path) {
        Lookup::Found(program) => program,
        Lookup::NotExecutable(program) => {
            let reason = anyhow!("`{}` cannot be executed", program.display());
            return Err(Failure {
                code: NOT_EXECUTABLE,
                reason,
            });
        }
        Lookup::Missing => {
            let reason = anyhow!("`{}` was not found", command.display());
            return Err(Failure {
                code: NOT_FOUND,
                reason,
            });
        }
    };
    confine(&environment).map_err(failed)?;
    let variables = environment
        .env
        .iter()
        .map(|(name, value)| (name, value.expose()));
    let mut call = new_command(&program);
    call.arg0(command)
        .args(args)
        .envs(variables)
        .env("HOME", &home);
    if environment.timeout.is_some() {
        init::time_begins();
    }
    run(call, &program)
}

/// Lays on what holds for the command and all that it starts.
fn confine(environment: &Environment) -> anyhow::Result<()> {
    thread::set_no_new_privs(true).context("cannot keep the command from gaining privileges")?;
    drop_capabilities().context("cannot take all capabilities from the command")?;
    if let Some(most) = environment.processes {
        let most = u64::from(most);
        // Only a privileged process could raise what the engine bounds more tightly.
        let engine = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
        let bound = Some(most.min(engine));
        let limit = Rlimit {
            current: bound,
            maximum: bound,
        };
        setrlimit(Resource::Nproc, limit).context("cannot bound the number of processes")?;
    }
    filter::apply().context("cannot filter the command's system calls")
}

/// An engine may give the container's capabilities to a program that it runs later, or not.
fn drop_capabilities() -> rustix::io::Result<()> {
    let own = thread::capabilities(None)?;
    if own.effective.contains(CapabilitySet::SETPCAP) {
        // Of those that this kernel does not know, none can be had.
        for capability in CapabilitySet::all().iter() {
            if thread::capability_is_in_bounding_set(capability).unwrap_or(false) {
                thread::remove_capability_from_bounding_set(capability)?;
            }
        }
    }
    thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    thread::set_capabilities(None, sets)
}

/// Gives this process to the command, or relays its output where that is a pipe.
fn run(mut command: Command, program: &Path) -> Result<u8, Failure> {
    let failed = |reason| Failure {
        code: FAILED,
        reason,
    };
    let relay = Relay::prepare(&mut command)
        .context("cannot prepare for the command's output")
        .map_err(failed)?;
    let Some(relay) = relay else {
        return Err(not_run(command.exec(), program));
    };
    let child = command.spawn().map_err(|error| not_run(error, program))?;
    // It holds the writing ends of the pipes, which must be the command's alone.
    drop(command);
    relay.attend(child).map_err(failed)
}

/// Reads the agent's environment.
pub(super) fn load(root: &Path) -> anyhow::Result<Environment> {
    let path = files::under(root, ENVIRONMENT);
    let bytes = files::read_if_there(&path, MESSAGE_BYTES)?.with_context(|| {
        format!(
            "`{}` is missing, so this container was not provisioned",
            path.display()
        )
    })?;
    let environment: Environment =
        input::parse(&bytes).with_context(|| format!("`{}` is damaged", path.display()))?;
    let broken = |text: &str| text.contains('\0');
    for (name, value) in &environment.env {
        if name.is_empty() || name.contains('=') || broken(name) || broken(value.expose()) {
            return Err(anyhow!(
                "`{}` holds a variable that no environment can hold: `{}`",
                path.display(),
                name.escape_debug()
            ));
        }
    }
    Ok(environment)
}

/// Returns what the command will see: the bottle's value, else the inherited one.
fn variable(environment: &Environment, name: &str) -> Option<OsString> {
    match environment.env.get(name) {
        Some(value) => Some(value.expose().into()),
        None => inherited(name),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the guest hands its own environment on: what it inherits is the image's part of it"
)]
fn inherited(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Finds a home folder that exists.
fn home(root: &Path, uid: u32) -> anyhow::Result<PathBuf> {
    let passwd = files::read_if_there(&files::under(root, "/etc/passwd"), SURROUNDINGS_BYTES)?;
    let known = passwd.and_then(|passwd| accounts::home_of(&passwd, uid));
    let home = known
        .into_iter()
        .chain([PathBuf::from(HOME)])
        .find(|home| files::under(root, home).is_dir());
    Ok(home.unwrap_or_else(|| PathBuf::from("/")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command takes this process's place or ends as it likes: there is no deadline to give"
)]
fn new_command(program: &Path) -> Command {
    Command::new(program)
}

/// Says why the kernel did not start the program.
fn not_run(error: io::Error, program: &Path) -> Failure {
    // The kernel also says "not found" when the interpreter of a script is missing.
    let code = if error.kind() == ErrorKind::NotFound {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    };
    let reason = anyhow!(error).context(format!("cannot execute `{}`", program.display()));
    Failure { code, reason }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_home_folder_is_one_that_exists() {
        let root = tempfile::tempdir().unwrap();
        let home_is = |expected: &str| {
            assert_eq!(home(root.path(), 1000).unwrap(), Path::new(expected));
        };
        home_is("/");
        fs::create_dir_all(root.path().join("home/agent")).unwrap();
        home_is("/home/agent");
        fs::create_dir(root.path().join("etc")).unwrap();
        files::replace(
            &root.path().join("etc/passwd"),
            b"node:x:1000:1000::/home/node:/bin/sh\n",
            0o644,
        )
        .unwrap();
        home_is("/home/agent");
        fs::create_dir_all(root.path().join("home/node")).unwrap();
        home_is("/home/node");
    }
}
