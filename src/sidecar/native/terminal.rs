//! A terminal of the bottle's own for a program in it, and the user's terminal in front of that.
//!
//! The agent never has the user's terminal, so that it cannot type into it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Stdio};

use anyhow::Context as _;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::streams::{self, Flow, PASSED_ON, Towards};
use super::{processes, program};
use crate::guest;
use crate::guest::signals::Signals;

/// The kind of a terminal where nobody says one.
const PLAIN: &str = "xterm";

/// Returns the kind of the user's terminal.
#[expect(
    clippy::disallowed_methods,
    reason = "what a terminal understands, only this variable tells"
)]
pub(super) fn kind() -> OsString {
    std::env::var_os("TERM").unwrap_or_else(|| PLAIN.into())
}

/// Runs the guest on a new terminal in the bottle; returns the status that it ended with.
pub(super) fn run(words: &[OsString], kind: &OsString) -> anyhow::Result<u8> {
    let (ours, theirs) = open().context("cannot make a terminal in the bottle")?;
    let mut wanted = PASSED_ON.to_vec();
    wanted.push(Signal::WINCH);
    let signals = Signals::catch(&wanted).context("cannot catch signals")?;
    resize(&ours);
    let mut command = program::inside("terminal");
    command.args(words).env("TERM", kind);
    let share = || theirs.try_clone().context("cannot share the terminal");
    command
        .stdin(Stdio::from(share()?))
        .stdout(Stdio::from(share()?))
        .stderr(Stdio::from(share()?));
    let child = command.spawn().context("cannot start the guest")?;
    drop((command, theirs));
    let _raw = Raw::begin();
    let flows = vec![
        Flow::new(Towards::Command, io::stdin().as_fd(), ours.try_clone()?)?,
        Flow::new(
            Towards::Caller,
            ours.as_fd(),
            io::stdout().as_fd().try_clone_to_owned()?,
        )?,
    ];
    streams::attend(child, signals, flows, &mut |child: &Child, signal| {
        if signal == Signal::WINCH {
            resize(&ours);
            return Ok(());
        }
        processes::signal(&processes::handle(child)?, signal)
    })
}

/// Makes the terminal that this process has the one that it and its children are controlled by, and
/// becomes the guest.
pub(super) fn lead(words: &[OsString]) -> anyhow::Result<std::process::ExitCode> {
    rustix::process::setsid().context("cannot begin a session")?;
    rustix::process::ioctl_tiocsctty(io::stdin()).context("cannot take the terminal")?;
    Ok(guest::run(words))
}

fn open() -> anyhow::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    Ok((ours, theirs))
}

/// Gives the bottle's terminal the size of the user's; one without a size keeps its own.
fn resize(ours: &OwnedFd) {
    if let Ok(size) = tcgetwinsize(io::stdout()) {
        tcsetwinsize(ours, size).ok();
    }
}

/// The user's terminal, which passes every key on until this is dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Drain, &raw).ok();
        }
        Self(before)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that has gone needs no settings.
            io::stdout().flush().ok();
            tcsetattr(io::stdin(), OptionalActions::Drain, before).ok();
        }
    }
}
