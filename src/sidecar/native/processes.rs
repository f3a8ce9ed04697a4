//! Processes that are told apart from those that have their number later, and signals to them.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bottle_contract::native::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Reads when a process was started.
pub(super) fn identify(pid: u32) -> anyhow::Result<Process> {
    identify_in(Path::new("/proc"), pid)
}

/// Reads when a process was started, where `/proc` lies elsewhere.
pub(super) fn identify_in(proc: &Path, pid: u32) -> anyhow::Result<Process> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat"))
        .with_context(|| format!("cannot read the state of process {pid}"))?;
    Process::from_stat(pid, &stat)
        .with_context(|| format!("the state of process {pid} cannot be understood"))
}

/// Opens a process, or `None` when it has ended; whoever has its number now is somebody else.
pub(super) fn open(process: Process) -> anyhow::Result<Option<OwnedFd>> {
    let pid = to_pid(process.pid)?;
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error).context("cannot open a process"),
    };
    // Looked at after it was opened: the number cannot change hands any more.
    Ok(match identify(process.pid) {
        Ok(found) if found == process => Some(handle),
        Ok(_) | Err(_) => None,
    })
}

/// Sends a signal; a process that has ended needs none.
pub(super) fn signal(handle: &OwnedFd, signal: Signal) -> anyhow::Result<()> {
    match pidfd_send_signal(handle, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error).context("cannot send a signal"),
    }
}

/// Waits until a process has ended, and tells whether it did.
pub(super) fn wait(handle: &OwnedFd, limit: Duration) -> anyhow::Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).context("the time cannot be waited")?;
        let mut ready = [PollFd::new(handle, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for a process"),
        }
    }
}

/// Opens a child.
pub(super) fn handle(child: &Child) -> anyhow::Result<OwnedFd> {
    let pid = to_pid(child.id())?;
    pidfd_open(pid, PidfdFlags::empty()).context("cannot open a process")
}

/// Turns a number into what the kernel's calls take.
fn to_pid(pid: u32) -> anyhow::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        bail!("a process has no such number");
    };
    Ok(pid)
}
