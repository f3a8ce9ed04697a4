//! `native start`: leaves a keeper behind that makes a bottle, and passes on what it says.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, set_child_subreaper, wait};

use super::limits::MESSAGE_BYTES;
use super::program;
use crate::guest::signals::Signals;

/// Those by which the launcher takes a start back.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];
/// How long one look at the signals may take: they are looked at when there is one.
const LOOK: Duration = Duration::from_millis(1);

/// Starts the keeper on this process's own input, and ends when it has answered or failed. The words
/// are for people who look at the machine's processes.
///
/// When it is told to end before, nothing is left of what was begun.
pub(super) fn start(words: &[OsString]) -> anyhow::Result<ExitCode> {
    // What the keeper has started becomes ours to wait for when it ends.
    set_child_subreaper(Some(rustix::process::getpid())).context("cannot look after the keeper")?;
    let mut signals = Signals::catch(&ENDING).context("cannot catch signals")?;
    signals
        .be_patient_for(LOOK)
        .context("cannot read signals")?;
    let mut child = program::here("keep")
        .arg(std::process::id().to_string())
        .args(words)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the keeper")?;
    let answer = answer(&mut child, &mut signals)?;
    if answer.is_empty() {
        // It has said why on standard error, which is ours too.
        child.kill().context("cannot end the keeper")?;
        wait_for_all()?;
        return Ok(ExitCode::FAILURE);
    }
    std::io::stdout()
        .write_all(&answer)
        .context("cannot pass the answer on")?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the keeper's answer; nothing when it fails, or when this process is told to end.
fn answer(child: &mut Child, signals: &mut Signals) -> anyhow::Result<Vec<u8>> {
    let mut output = child.stdout.take().context("the keeper has no output")?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let mut ready = [
            PollFd::new(&output, PollFlags::IN),
            PollFd::new(&*signals, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for the keeper"),
        }
        let [said, signalled] = ready.map(|one| !one.revents().is_empty());
        if signalled {
            signals.wait().context("cannot read signals")?;
            if signals.arrived().next().is_some() {
                return Ok(Vec::new());
            }
        }
        if said {
            let length = output.read(&mut buffer).context("cannot read the answer")?;
            if length == 0 {
                return Ok(answer);
            }
            answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
        }
        if u64::try_from(answer.len()).is_ok_and(|length| length > MESSAGE_BYTES) {
            bail!("the keeper's answer has no end");
        }
    }
}

/// Waits until the keeper and everything that it started have ended.
fn wait_for_all() -> anyhow::Result<()> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for the keeper"),
        }
    }
}
