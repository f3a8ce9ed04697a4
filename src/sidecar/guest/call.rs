//! Finds the guest's command in the arguments and turns what came of it into an exit code.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use bottle_contract::guest::ENDED_WITH;
use rustix::process::{self, DumpableBehavior};

use super::adopt::Covered;
use super::{
    adopt, arrival, attacks, changes, exec, filter, init, probe, provision, take, tar_in, tar_out,
    wall,
};

const USAGE: &str = "\
usage: guest COMMAND

  init                    idle as process 1: reap children, pass SIGTERM on
  go                      tell init to start the agent's command, and to end with it
  exec [--] CMD ARGS...   start CMD with the agent's environment
  wall ADDRESS            let nothing out but what goes to the sidecar's address
  provision               bring in what belongs to one bottle (JSON on standard input)
  adopt USER WORKDIR [covered]
                          make an image ready for the agent's user; `covered` when
                          folders in memory will lie over home and WORKDIR
  probe                   try to get out (JSON on standard input)
  attack                  attack the bottle as the agent (JSON on standard input)
  idle                    wait for ever
  resolves NAME           ask the resolvers for an address of NAME
  tar-in DIR [tell]       unpack a tar stream from standard input; `tell` what was there before,
                          and compare with a base that follows within ten seconds
  tar-out PATH            write PATH as a tar stream to standard output
  changes DIR             tell what is not as the base on standard input says
  take DIR                write the files that standard input names
";

/// What an image's build calls, where there is no agent yet; and what stands for the agent itself, which
/// has what it was given and nothing else.
const UNSHIELDED: [&str; 3] = ["adopt", "attack", "idle"];

/// The whole file system; tests use a folder instead.
const ROOT: &str = "/";

/// Why a command failed, and the exit code that says so.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    /// The reason, for people.
    pub(super) reason: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(reason: anyhow::Error) -> Self {
        Self { code: 1, reason }
    }
}

/// Returns the words after `guest` when this process was called as the guest.
///
/// Two forms count: `bottle-sidecar guest …`, and a program whose own file name is `guest`.
pub fn words(argv: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut argv = argv.into_iter();
    let program = argv.next()?;
    if Path::new(&program).file_name() == Some(OsStr::new("guest")) {
        return Some(argv.collect());
    }
    (argv.next()? == "guest").then(|| argv.collect())
}

/// Runs the command that these words name; `exec` may not return when it succeeds.
pub fn run(words: &[OsString]) -> ExitCode {
    match dispatch(words) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain(&format_args!("{:#}", failure.reason));
            ExitCode::from(failure.code)
        }
    }
}

/// Writes a line for people to standard error.
pub(super) fn complain(message: &dyn fmt::Display) {
    // When standard error is closed there is nobody left to tell.
    drop(writeln!(std::io::stderr(), "bottle guest: {message}"));
}

/// Returns the code to end with.
fn dispatch(words: &[OsString]) -> Result<u8, Failure> {
    let Some((command, rest)) = words.split_first() else {
        return Err(usage("no command"));
    };
    let root = Path::new(ROOT);
    let name = command.to_str().unwrap_or_default();
    if !UNSHIELDED.contains(&name) {
        shield(name)?;
    }
    match (command.to_str(), rest) {
        (Some("init"), []) => match init::init()? {
            0 => Ok(0),
            code => Err(Failure {
                code,
                reason: anyhow!("{ENDED_WITH}{code}"),
            }),
        },
        (Some("exec"), command) => exec::exec(root, command),
        _ => work(root, command, rest).map(|()| 0),
    }
}

/// Keeps the agent from taking this process for a way round its own confinement: both may be the same
/// user's, and an engine starts this one without our filter.
fn shield(command: &str) -> anyhow::Result<()> {
    // That one lays it on together with the rest, and has a status of its own for a failure.
    if command != "exec" {
        filter::apply().context("cannot filter the guest's own system calls")?;
    }
    process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("cannot keep the agent from tracing the guest")
}

/// Runs one of the commands that either do their work or fail.
fn work(root: &Path, command: &OsStr, rest: &[OsString]) -> Result<(), Failure> {
    match (command.to_str(), rest) {
        (Some("go"), []) => Ok(init::go()?),
        (Some("wall"), [address]) => {
            let address = address.to_str().and_then(|address| address.parse().ok());
            let address = address.ok_or_else(|| usage("the address is not one of IPv4"))?;
            Ok(wall::wall(address)?)
        }
        (Some("provision"), []) => Ok(provision::from_stdin(root)?),
        (Some("adopt"), [user, workdir, rest @ ..]) => {
            let user = user
                .to_str()
                .ok_or_else(|| usage("the user is not UTF-8"))?;
            let covered = match rest {
                [] => Covered::No,
                [word] if word == "covered" => Covered::ByMemory,
                [..] => {
                    return Err(usage(
                        "`adopt` takes `covered` as its last word, or nothing",
                    ));
                }
            };
            Ok(adopt::adopt(root, user, Path::new(workdir), covered)?)
        }
        (Some("attack"), []) => Ok(attacks::from_stdin()?),
        (Some("idle"), []) => attacks::idle(),
        (Some("probe"), []) => Ok(probe::from_stdin()?),
        (Some("resolves"), [name]) => {
            let name = name
                .to_str()
                .ok_or_else(|| usage("the name is not UTF-8"))?;
            Ok(probe::resolves(root, probe::DNS_PORT, name)?)
        }
        (Some("tar-in"), [dir]) => Ok(tar_in::tar_in(Path::new(dir), std::io::stdin().lock())?),
        (Some("tar-in"), [dir, word]) if word == "tell" => Ok(arrival::tar_in(
            Path::new(dir),
            std::io::stdin().lock(),
            std::io::stdout().lock(),
        )?),
        (Some("changes"), [dir]) => Ok(changes::changes(
            Path::new(dir),
            std::io::stdin().lock(),
            std::io::stdout().lock(),
        )?),
        (Some("take"), [dir]) => Ok(take::take(
            Path::new(dir),
            std::io::stdin().lock(),
            std::io::stdout().lock(),
        )?),
        (Some("tar-out"), [path]) => {
            Ok(tar_out::tar_out(Path::new(path), std::io::stdout().lock())?)
        }
        _ => Err(usage(&format!(
            "`{}` is not a command, or its arguments are wrong",
            command.display()
        ))),
    }
}

/// Makes the failure for a call that is wrong in itself.
pub(super) fn usage(reason: &str) -> Failure {
    Failure {
        code: 2,
        reason: anyhow!("{reason}\n{USAGE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_call_are_understood() {
        let check = |argv: &[&str], expected: Option<&[&str]>| {
            let words = words(argv.iter().map(OsString::from));
            let expected = expected.map(|words| words.iter().map(OsString::from).collect());
            assert_eq!(words, expected, "{argv:?}");
        };
        check(&["/.bottle/guest", "init"], Some(&["init"]));
        check(&["guest"], Some(&[]));
        check(
            &["/x/bottle-sidecar", "guest", "exec", "guest"],
            Some(&["exec", "guest"]),
        );
        check(&["bottle-sidecar", "serve"], None);
        check(&["bottle-sidecar"], None);
        check(&[], None);
    }
}
