//! `guest exec`: becomes the agent's command.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use bottle_contract::guest::{ENVIRONMENT, Environment, HOME};

use super::call::{Failure, usage};
use super::limits::{MESSAGE_BYTES, SURROUNDINGS_BYTES};
use super::lookup::{DEFAULT_PATH, Lookup, find};
use super::{accounts, files, input};

/// Bottle itself failed, before there was a command to speak of.
const FAILED: u8 = 125;
/// The command is there and cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const NOT_FOUND: u8 = 127;

/// Replaces this process by the command; returns only when that failed.
pub(super) fn exec(root: &Path, words: &[OsString]) -> Result<Infallible, Failure> {
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
    Err(become_command(command, args, &program, &environment, &home))
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
    reason = "no child is run: the command takes this process's place"
)]
fn become_command(
    command: &OsStr,
    args: &[OsString],
    program: &Path,
    environment: &Environment,
    home: &Path,
) -> Failure {
    let variables = environment
        .env
        .iter()
        .map(|(name, value)| (name, value.expose()));
    let error = Command::new(program)
        .arg0(command)
        .args(args)
        .envs(variables)
        .env("HOME", home)
        .exec();
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
