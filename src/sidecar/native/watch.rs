//! The keeper's long wait: for the launcher, the agent, the sidecar and for its own end.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;

use super::limits::FAREWELL;
use super::output::Output;
use super::processes;
use crate::guest::signals::Signals;

/// Tells the keeper that the bottle is detached: its agent starts, and the launcher may end.
pub(super) const DETACH: Signal = Signal::USR1;
/// How long one look at the signals may take: they are looked at when there is one.
const LOOK: Duration = Duration::from_millis(1);
/// Those that end the bottle.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];

/// Everything that the keeper keeps.
pub(super) struct Kept {
    pub(super) launcher: OwnedFd,
    pub(super) guard: Child,
    /// Closes with the keeper, which tells the sidecar to end.
    pub(super) channel: UnixStream,
    pub(super) agent: Child,
    /// Tells the status of the agent's command, which its first process outlives.
    pub(super) word: UnixStream,
    pub(super) output: Output,
    pub(super) exit: File,
}

/// Waits until the bottle is to end, and ends it.
pub(super) fn watch(mut kept: Kept) -> anyhow::Result<()> {
    let mut wanted = ENDING.to_vec();
    wanted.push(DETACH);
    let mut signals = Signals::catch(&wanted).context("cannot catch signals")?;
    signals
        .be_patient_for(LOOK)
        .context("cannot read signals")?;
    let agent = processes::handle(&kept.agent)?;
    let guard = processes::handle(&kept.guard)?;
    let word = kept.word.try_clone().context("cannot share a channel")?;
    let mut waiting = Waiting {
        launcher: Some(&kept.launcher),
        agent: Some(&agent),
        word: Some(&word),
        guard: &guard,
    };
    let mut noted = false;
    loop {
        let ready = waiting.wait(&signals, &kept.output)?;
        if ready.contains(&Event::Output) {
            // A disk that is full must not end the bottle.
            kept.output.copy().ok();
        }
        if ready.contains(&Event::Signal) {
            signals.wait().context("cannot read signals")?;
        }
        let arrived: Vec<Signal> = signals.arrived().collect();
        if arrived.contains(&DETACH) {
            waiting.launcher = None;
            processes::signal(&agent, Signal::USR1)?;
        }
        if ready.contains(&Event::Word) {
            let mut status = [0];
            if matches!((&word).read(&mut status), Ok(1)) {
                note(&mut kept.exit, i32::from(u8::from_be_bytes(status)))?;
                noted = true;
            }
            waiting.word = None;
        }
        if ready.contains(&Event::Agent) {
            let status = kept.agent.wait().context("cannot wait for the agent")?;
            if !noted {
                note(&mut kept.exit, code_of(status))?;
            }
            waiting.agent = None;
        }
        // The launcher may have detached the bottle with its last breath.
        let alone = waiting.launcher.is_some() && ready.contains(&Event::Launcher);
        let told = arrived.iter().any(|signal| ENDING.contains(signal));
        if told || alone || ready.contains(&Event::Guard) {
            break;
        }
    }
    end(kept, &agent, &guard)
}

/// Whose end is waited for; what has ended is not waited for again.
struct Waiting<'a> {
    launcher: Option<&'a OwnedFd>,
    agent: Option<&'a OwnedFd>,
    word: Option<&'a UnixStream>,
    guard: &'a OwnedFd,
}

/// Something that the keeper is woken up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Signal,
    Output,
    Guard,
    Launcher,
    Agent,
    Word,
}

impl Waiting<'_> {
    fn wait(&self, signals: &Signals, output: &Output) -> anyhow::Result<Vec<Event>> {
        let all = [
            (Event::Signal, Some(signals.as_fd())),
            (Event::Output, output.pipe().map(AsFd::as_fd)),
            (Event::Guard, Some(self.guard.as_fd())),
            (Event::Launcher, self.launcher.map(AsFd::as_fd)),
            (Event::Agent, self.agent.map(AsFd::as_fd)),
            (Event::Word, self.word.map(AsFd::as_fd)),
        ];
        let open: Vec<_> = all
            .iter()
            .filter_map(|(event, descriptor)| Some((*event, descriptor.as_ref()?)))
            .collect();
        let mut polled: Vec<PollFd<'_>> = open
            .iter()
            .map(|(_, descriptor)| PollFd::new(*descriptor, PollFlags::IN))
            .collect();
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait"),
        }
        let ready = open
            .iter()
            .zip(&polled)
            .filter(|(_, polled)| !polled.revents().is_empty())
            .map(|((event, _), _)| *event);
        Ok(ready.collect())
    }
}

/// Writes the status down that a detached agent ended with.
fn note(file: &mut File, code: i32) -> anyhow::Result<()> {
    writeln!(file, "{code}").context("cannot write the agent's status down")
}

fn code_of(status: ExitStatus) -> i32 {
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    status.code().or(signal).unwrap_or(255)
}

/// Ends what is left of the bottle, the agent first: with its first process, all of its others end.
fn end(mut kept: Kept, agent: &OwnedFd, guard: &OwnedFd) -> anyhow::Result<()> {
    processes::signal(agent, Signal::KILL)?;
    kept.agent.wait().context("cannot wait for the agent")?;
    // What was printed last.
    while kept.output.pipe().is_some() && kept.output.copy().is_ok() {}
    // The sidecar writes what its log still holds, and its guard ends with it. Killed, it takes the
    // sidecar along.
    drop(kept.channel);
    if !processes::wait(guard, FAREWELL)? {
        processes::signal(guard, Signal::KILL)?;
    }
    kept.guard.wait().context("cannot wait for the sidecar")?;
    Ok(())
}
