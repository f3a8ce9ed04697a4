//! `guest init`: process 1 of the agent's container.
//!
//! It waits in the kernel for signals: children that ended are reaped, and on
//! SIGTERM, SIGINT or SIGHUP all other processes are told to end before it
//! ends itself, which makes the kernel kill whatever is left. On SIGUSR1, which
//! `guest go` sends, it starts the agent's command and ends when that ends, with
//! its status: the command's output is then the container's own log. Where the command may take so long
//! and no longer, the time begins with it, and its end is the end of the container.

use std::ffi::CStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bottle_contract::guest::{GUEST, TIME_IS_OVER};
use rustix::io::Errno;
use rustix::process::{self, Pid, Signal, WaitOptions, WaitStatus};

use super::call::complain;
use super::limits::{GRACE, GRACE_STEP, LAUNCHER, STAY};
use super::signals::Signals;

/// The signals that end the container.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];
/// All that it is woken up by.
const WANTED: [Signal; 5] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
];
/// The name that process 1 has while it tells everyone to end. What passes signals on looks for it,
/// since a command that is told twice would not end in good order.
const ENDING_NAME: &CStr = c"guest-ending";

/// Tells process 1 that the agent's command starts beside it, so that its time begins. The first call counts.
///
/// A launcher that lives sees to the time by itself; this is for one that dies.
pub(super) fn time_begins() {
    // Without it the command runs all the same: its launcher, or `bottle clean`, ends it.
    process::kill_process(Pid::INIT, Signal::USR2).ok();
}

/// Tells process 1 to start the agent's command.
pub(crate) fn go() -> anyhow::Result<()> {
    process::kill_process(Pid::INIT, Signal::USR1).context("cannot tell process 1 to start")
}

/// Idles until it is told to end, or the agent's command has ended, and returns the status to end with.
/// Refuses to be anything but process 1.
pub(crate) fn init() -> anyhow::Result<u8> {
    let mut signals = Signals::catch(&WANTED).context("cannot catch signals")?;
    idle(&mut signals).map(Ended::status)
}

/// As [`init`], where the agent's files go with process 1: when the command has ended, `told` gets its status,
/// and it stays until it is told to end.
pub(crate) fn init_and_stay(told: impl FnOnce(u8)) -> anyhow::Result<u8> {
    let mut signals = Signals::catch(&WANTED).context("cannot catch signals")?;
    let ended = idle(&mut signals)?;
    if let Ended::Command(status) = ended {
        told(status);
        signals.be_patient_for(STAY)?;
        while !signals.arrived().any(|signal| ENDING.contains(&signal)) {
            signals.wait().context("cannot wait for signals")?;
            reap(None);
        }
        end_everyone(&mut signals)?;
    }
    Ok(ended.status())
}

/// Why process 1 idles no more.
#[derive(Clone, Copy)]
enum Ended {
    /// It was told to end.
    Told,
    /// The agent's command has ended with this status, or its time is over.
    Command(u8),
}

impl Ended {
    fn status(self) -> u8 {
        match self {
            Self::Told => 0,
            Self::Command(status) => status,
        }
    }
}

fn idle(signals: &mut Signals) -> anyhow::Result<Ended> {
    // As process 1, `everyone` is the container. Anywhere else it would be the whole machine.
    if process::getpid() != Pid::INIT {
        bail!("`init` must be process 1 of a container");
    }
    // A child may have ended before its signal was caught.
    reap(None);
    let mut command: Option<Pid> = None;
    let mut time = Time::NotBegun;
    let ended = loop {
        let arrived: Vec<Signal> = signals.arrived().collect();
        if arrived.iter().any(|signal| ENDING.contains(signal)) {
            break Ended::Told;
        }
        if command.is_none() && arrived.contains(&Signal::USR1) {
            command = Some(start()?);
            time.begin(Duration::ZERO)?;
        }
        if arrived.contains(&Signal::USR2) {
            time.begin(LAUNCHER)?;
        }
        if let Some(left) = time.left() {
            if left.is_zero() {
                complain(&"the time that `--timeout` gave the agent is over");
                break Ended::Command(TIME_IS_OVER);
            }
            signals.be_patient_for(left)?;
        }
        signals.wait().context("cannot wait for signals")?;
        if let Some(status) = reap(command) {
            break Ended::Command(status);
        }
    };
    end_everyone(signals)?;
    Ok(ended)
}

/// How long the agent's command may still take.
enum Time {
    /// The command has not begun.
    NotBegun,
    /// As long as it likes.
    Unbounded,
    /// Until then.
    Until(Instant),
}

impl Time {
    /// Begins with the first call.
    fn begin(&mut self, more: Duration) -> anyhow::Result<()> {
        if matches!(self, Self::NotBegun) {
            let seconds = super::exec::load(Path::new("/"))?.timeout;
            let end = seconds
                .map(|seconds| Duration::from_secs(seconds).saturating_add(more))
                .and_then(|time| Instant::now().checked_add(time));
            *self = end.map_or(Self::Unbounded, Self::Until);
        }
        Ok(())
    }

    fn left(&self) -> Option<Duration> {
        match self {
            Self::NotBegun | Self::Unbounded => None,
            Self::Until(end) => Some(end.saturating_duration_since(Instant::now())),
        }
    }
}

/// Tells whether process 1 is `init` and tells everyone to end.
pub(crate) fn is_ending() -> bool {
    fs::read("/proc/1/comm").is_ok_and(|name| name.trim_ascii() == ENDING_NAME.to_bytes())
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
pub(crate) fn code_of(status: WaitStatus) -> u8 {
    let signal = status
        .terminating_signal()
        .map(|signal| signal.saturating_add(128));
    let code = status.exit_status().or(signal).unwrap_or(255);
    u8::try_from(code).unwrap_or(255)
}

/// Asks every other process to end, and waits until they have, or until their time is up.
fn end_everyone(signals: &mut Signals) -> anyhow::Result<()> {
    // Without the name some are told twice, which is better than not at all.
    rustix::thread::set_name(ENDING_NAME).ok();
    let everyone = Pid::INIT; // As a group number, negated by the call, 1 means all processes.
    if process::kill_process_group(everyone, Signal::TERM).is_err() {
        return Ok(());
    }
    signals.be_patient_for(GRACE_STEP)?;
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && process::test_kill_process_group(everyone).is_ok() {
        signals.wait()?;
        reap(None);
    }
    Ok(())
}
