//! One running program with pipes to it, in a process group of its own.

use std::io::{self, PipeReader, PipeWriter, pipe};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::ProcessError;
use super::invocation::{Input, Invocation};
use super::observe;

/// How long a program has to end after it was asked to. Engines undo half-made things then.
const TERMINATION_GRACE: Duration = Duration::from_secs(1);
/// How long the system has to end a program that was killed; more means that it hangs in the kernel.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Taken while pipes are made and a program is started. Where the system cannot make a pipe that
/// closes on exec from its birth (macOS), a program that is started at the same time would keep it open.
static SPAWNING: Mutex<()> = Mutex::new(());

/// A running program.
#[derive(Debug)]
pub(super) struct Child {
    handle: duct::Handle,
    group: Group,
    invocation: String,
}

/// Our ends of the pipes to a program.
#[derive(Debug)]
pub(super) struct Pipes {
    /// `None` unless bytes are to be fed.
    pub(super) stdin: Option<PipeWriter>,
    pub(super) stdout: PipeReader,
    pub(super) stderr: PipeReader,
}

/// Where a program's standard input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    /// From the invocation.
    Given,
    /// From a producer of the caller's.
    Produced,
}

/// A program and all its descendants that did not leave on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Option<Pid>);

impl Child {
    /// Starts the program in a group of its own: a Ctrl-C on the terminal is for the launcher, which
    /// lets an engine's command come to its end before it undoes what was made.
    pub(super) fn spawn(
        invocation: &Invocation,
        stdin: Stdin,
    ) -> Result<(Self, Pipes), ProcessError> {
        observe::show(invocation);
        let (handle, pipes) = start(invocation, stdin)
            .map_err(|source| ProcessError::from_start(invocation, source))?;
        let group = Group(handle.pids().first().and_then(|pid| to_pid(*pid)));
        let child = Self {
            handle,
            group,
            invocation: invocation.to_string(),
        };
        Ok((child, pipes))
    }

    /// Returns the group, to be ended from another thread.
    pub(super) fn group(&self) -> Group {
        self.group
    }

    /// Waits for the program itself, not for its descendants. `None` means the deadline passed.
    pub(super) fn wait(&self, deadline: Instant) -> Result<Option<i32>, ProcessError> {
        self.handle
            .wait_deadline(deadline)
            .map(|output| output.map(|output| status_of(output.status)))
            .map_err(|source| ProcessError::Wait {
                invocation: self.invocation.clone(),
                source,
            })
    }

    /// Ends the program and its group: first asks, then kills.
    pub(super) fn end(&self) -> Result<Option<i32>, ProcessError> {
        self.group.signal(Signal::TERM);
        self.wait(Instant::now() + TERMINATION_GRACE)?;
        self.group.signal(Signal::KILL);
        self.wait(Instant::now() + KILL_GRACE)
    }
}

impl Group {
    /// Kills the group at once.
    pub(super) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        if let Some(leader) = self.0 {
            // The one way for this to fail is that nobody is left, which is what is wanted.
            kill_process_group(leader, signal).ok();
        }
    }
}

/// Translates a status as shells do: 128 and the signal's number for a program that was killed.
pub(super) fn status_of(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

pub(super) fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Waits for the turn to make pipes and to start a program.
pub(super) fn spawning() -> MutexGuard<'static, ()> {
    SPAWNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds the invocation's variables.
pub(super) fn with_variables(base: duct::Expression, invocation: &Invocation) -> duct::Expression {
    let variables = invocation.env.iter();
    variables.fold(base, |expression, (name, value)| {
        expression.env(name, value)
    })
}

fn start(invocation: &Invocation, stdin: Stdin) -> io::Result<(duct::Handle, Pipes)> {
    let _spawning = spawning();
    let (stdout, child_stdout) = pipe()?;
    let (stderr, child_stderr) = pipe()?;
    let base = duct::cmd(&invocation.program, &invocation.args)
        .unchecked()
        // Messages in the language that the dialects know.
        .env("LC_ALL", "C")
        .stdout_file(child_stdout)
        .stderr_file(child_stderr)
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        });
    let (base, stdin) = with_stdin(&base, &invocation.stdin, stdin)?;
    let expression = with_variables(base, invocation);
    // The expression holds the program's ends of the pipes; it is dropped here, so that their end is seen.
    let handle = expression.start()?;
    let pipes = Pipes {
        stdin,
        stdout,
        stderr,
    };
    Ok((handle, pipes))
}

fn with_stdin(
    base: &duct::Expression,
    input: &Input,
    stdin: Stdin,
) -> io::Result<(duct::Expression, Option<PipeWriter>)> {
    match (stdin, input) {
        (Stdin::Given, Input::Null) => Ok((base.stdin_null(), None)),
        (Stdin::Given, Input::File(file)) => Ok((base.stdin_file(file.try_clone()?), None)),
        (Stdin::Given, Input::Bytes(_) | Input::Secret(_)) | (Stdin::Produced, _) => {
            let (reader, writer) = pipe()?;
            Ok((base.stdin_file(reader), Some(writer)))
        }
    }
}
