//! `guest init`: process 1 of the agent's container.
//!
//! It waits in the kernel for signals: children that ended are reaped, and on
//! SIGTERM, SIGINT or SIGHUP all other processes are told to end before it
//! ends itself, which makes the kernel kill whatever is left. On SIGUSR1, which
//! `guest go` sends, it starts the agent's command and ends when that ends, with
//! its status: the command's output is then the container's own log.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use bottle_contract::guest::GUEST;
use rustix::io::Errno;
use rustix::process::{self, Pid, Signal, WaitOptions, WaitStatus};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::low_level::pipe;

use super::limits::{GRACE, GRACE_STEP};

/// Tells process 1 to start the agent's command.
pub(super) fn go() -> anyhow::Result<()> {
    process::kill_process(Pid::INIT, Signal::USR1).context("cannot tell process 1 to start")
}

/// Idles until it is told to end, and returns the status to end with. Refuses to be anything but process 1.
pub(super) fn init() -> anyhow::Result<u8> {
    // As process 1, `everyone` is the container. Anywhere else it would be the whole machine.
    if process::getpid() != Pid::INIT {
        bail!("`init` must be process 1 of a container");
    }
    let mut signals = Signals::catch().context("cannot catch signals")?;
    // A child may have ended before its signal was caught.
    reap(None);
    let mut command: Option<Pid> = None;
    let mut status = None;
    while status.is_none() && !signals.told_to_end() {
        if command.is_none() && signals.told_to_start() {
            command = Some(start()?);
        }
        signals.wait().context("cannot wait for signals")?;
        status = reap(command);
    }
    end_everyone(&mut signals)?;
    Ok(status.unwrap_or(0))
}

/// Starts the agent's command as a child of ours, on our own streams.
#[expect(
    clippy::disallowed_methods,
    reason = "process 1 has no deadline to give: the command is the container's life"
)]
fn start() -> anyhow::Result<Pid> {
    let environment = super::exec::load(Path::new("/"))?;
    let child = Command::new(GUEST)
        .args(["exec", "--"])
        .args(&environment.command)
        .spawn()
        .context("cannot start the agent's command")?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("the agent's command has no process number")
}

/// The caught signals: a byte arrives for each.
struct Signals {
    bytes: UnixStream,
    end: Arc<AtomicBool>,
    start: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        let (bytes, sender) = UnixStream::pair()?;
        let end = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            // First the flag, then the byte: whoever reads the byte must see the flag.
            signal_hook::flag::register(signal, Arc::clone(&end))?;
            pipe::register(signal, sender.try_clone()?)?;
        }
        let start = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGUSR1, Arc::clone(&start))?;
        pipe::register(SIGUSR1, sender.try_clone()?)?;
        pipe::register(SIGCHLD, sender)?;
        Ok(Self { bytes, end, start })
    }

    fn told_to_end(&self) -> bool {
        self.end.load(Ordering::SeqCst)
    }

    fn told_to_start(&self) -> bool {
        self.start.load(Ordering::SeqCst)
    }

    /// Waits for a signal, or for the stream's timeout when one is set.
    fn wait(&mut self) -> std::io::Result<()> {
        match self.bytes.read(&mut [0; 64]) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Takes leave of every child that has ended, and returns the command's status if it was among them.
fn reap(command: Option<Pid>) -> Option<u8> {
    let mut found = None;
    loop {
        match process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if Some(pid) == command => found = Some(code_of(status)),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(_) => return found,
        }
    }
}

/// As a shell does: 128 and the signal's number for a command that was killed.
fn code_of(status: WaitStatus) -> u8 {
    let signal = status
        .terminating_signal()
        .map(|signal| signal.saturating_add(128));
    let code = status.exit_status().or(signal).unwrap_or(255);
    u8::try_from(code).unwrap_or(255)
}

/// Asks every other process to end, and waits until they have, or until their time is up.
fn end_everyone(signals: &mut Signals) -> anyhow::Result<()> {
    let everyone = Pid::INIT; // As a group number, negated by the call, 1 means all processes.
    if process::kill_process_group(everyone, Signal::TERM).is_err() {
        return Ok(());
    }
    signals.bytes.set_read_timeout(Some(GRACE_STEP))?;
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && process::test_kill_process_group(everyone).is_ok() {
        signals.wait()?;
        reap(None);
    }
    Ok(())
}
