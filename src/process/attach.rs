//! Runs a program on bottle's own terminal, and lets the caller watch something else meanwhile.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::child::{spawning, status_of, to_pid, with_variables};
use super::error::ProcessError;
use super::invocation::Invocation;
use super::observe;

/// A program that has bottle's own streams and its process group, so also its terminal.
///
/// Dropping it does not end the program.
#[derive(Debug)]
pub struct Attached {
    handle: duct::Handle,
    invocation: String,
}

/// Starts a program on bottle's own standard input, output and error.
///
/// The invocation's own input is not used, and messages come in the user's language.
pub fn attach(invocation: &Invocation, errors: Errors) -> Result<Attached, ProcessError> {
    let base = base(invocation);
    let expression = match errors {
        Errors::Apart => base,
        Errors::WithOutput => base.stderr_to_stdout(),
    };
    start(invocation, &expression)
}

/// Where a program on bottle's own streams writes its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// To bottle's standard error.
    Apart,
    /// To bottle's standard output, since standard error is for something else.
    WithOutput,
}

/// Starts a program on bottle's own standard output and error, with nothing to read.
pub fn follow(invocation: &Invocation) -> Result<Attached, ProcessError> {
    start(invocation, &base(invocation).stdin_null())
}

/// Starts a program on bottle's own standard output and error that reads this: a pager.
pub fn page(invocation: &Invocation, text: Vec<u8>) -> Result<Attached, ProcessError> {
    start(invocation, &base(invocation).stdin_bytes(text))
}

impl Attached {
    /// Waits for the program's status. `None` means that it still runs when the time is over.
    pub fn wait_timeout(&self, time: Duration) -> Result<Option<i32>, ProcessError> {
        self.handle
            .wait_deadline(Instant::now() + time)
            .map(|output| output.map(|output| status_of(output.status)))
            .map_err(|source| self.wait_error(source))
    }

    /// Returns the program's status, or `None` while it runs.
    pub fn try_wait(&self) -> Result<Option<i32>, ProcessError> {
        self.handle
            .try_wait()
            .map(|output| output.map(|output| status_of(output.status)))
            .map_err(|source| self.wait_error(source))
    }

    /// Returns the program's process id.
    pub fn pid(&self) -> u32 {
        self.handle.pids().first().copied().unwrap_or_default()
    }

    /// Asks the program to end, as `SIGTERM` does. Nothing happens when it has ended.
    pub fn terminate(&self) -> Result<(), ProcessError> {
        match (self.try_wait()?, to_pid(self.pid())) {
            (None, Some(pid)) => kill_process(pid, Signal::TERM)
                .map_err(|error| self.wait_error(io::Error::from(error))),
            (Some(_), _) | (None, None) => Ok(()),
        }
    }

    /// Kills the program. Nothing happens when it has ended.
    pub fn kill(&self) -> Result<(), ProcessError> {
        self.handle.kill().map_err(|source| self.wait_error(source))
    }

    fn wait_error(&self, source: io::Error) -> ProcessError {
        ProcessError::Wait {
            invocation: self.invocation.clone(),
            source,
        }
    }
}

fn base(invocation: &Invocation) -> duct::Expression {
    let base = duct::cmd(&invocation.program, &invocation.args).unchecked();
    with_variables(base, invocation)
}

fn start(invocation: &Invocation, expression: &duct::Expression) -> Result<Attached, ProcessError> {
    observe::show(invocation);
    let _spawning = spawning();
    let handle = expression
        .start()
        .map_err(|source| ProcessError::from_start(invocation, source))?;
    Ok(Attached {
        handle,
        invocation: invocation.to_string(),
    })
}
