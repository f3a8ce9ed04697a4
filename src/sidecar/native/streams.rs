//! The streams of a program in a bottle that has no terminal.
//!
//! Pipes are handed on as they are. Anything else of the host's - a terminal, a file, a socket - stays
//! outside, behind a pipe: the agent could do more with it than read or write.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::process::Signal;

use super::limits::WRITE_BYTES;
use super::{processes, program};
use crate::guest::signals::Signals;

/// How long one look at the signals may take: they are looked at when there is one.
const LOOK: Duration = Duration::from_millis(1);
/// The signals that are the command's rather than ours.
pub(super) const PASSED_ON: [Signal; 6] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
];

/// Runs the guest between this process's streams; returns the status that it ended with.
pub(super) fn run(words: &[OsString]) -> anyhow::Result<u8> {
    let mut command = program::guest();
    command.args(words);
    let mut flows = Vec::new();
    let input = io::stdin();
    command.stdin(match is_plain(input.as_fd()) {
        Plain::Yes => Stdio::inherit(),
        Plain::No => {
            let (reader, writer) = io::pipe().context("cannot make a pipe")?;
            flows.push(Flow::new(Towards::Command, input.as_fd(), writer.into())?);
            Stdio::from(reader)
        }
    });
    command.stdout(output(io::stdout().as_fd(), &mut flows)?);
    command.stderr(output(io::stderr().as_fd(), &mut flows)?);
    let signals = Signals::catch(&PASSED_ON).context("cannot catch signals")?;
    let child = command.spawn().context("cannot start the guest")?;
    // It holds the other ends of the pipes.
    drop(command);
    attend(child, signals, flows, &mut |child, signal| {
        processes::signal(&processes::handle(child)?, signal)
    })
}

fn output(own: BorrowedFd<'_>, flows: &mut Vec<Flow>) -> anyhow::Result<Stdio> {
    let own = own.try_clone_to_owned().context("cannot share a stream")?;
    Ok(match is_plain(own.as_fd()) {
        Plain::Yes => Stdio::from(own),
        Plain::No => {
            let (reader, writer) = io::pipe().context("cannot make a pipe")?;
            flows.push(Flow {
                towards: Towards::Caller,
                from: Some(reader.into()),
                to: Some(own),
                held: Vec::new(),
            });
            Stdio::from(writer)
        }
    })
}

/// Whether a stream can be handed to an agent as it is.
enum Plain {
    Yes,
    No,
}

fn is_plain(stream: BorrowedFd<'_>) -> Plain {
    let pipe =
        fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
    if pipe && !stream.is_terminal() {
        Plain::Yes
    } else {
        Plain::No
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Towards {
    /// To the program in the bottle.
    Command,
    /// To whoever called.
    Caller,
}

/// Bytes on their way, at most one write of them at a time.
pub(super) struct Flow {
    towards: Towards,
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    held: Vec<u8>,
}

impl Flow {
    /// Makes a flow from a stream that is shared to one that is its own.
    pub(super) fn new(towards: Towards, from: BorrowedFd<'_>, to: OwnedFd) -> anyhow::Result<Self> {
        let from = from.try_clone_to_owned().context("cannot share a stream")?;
        Ok(Self {
            towards,
            from: Some(from),
            to: Some(to),
            held: Vec::new(),
        })
    }

    /// What is to be waited for: room where something is held, else something to hold.
    fn awaited(&self) -> Option<(&OwnedFd, PollFlags)> {
        if self.held.is_empty() {
            Some((self.from.as_ref()?, PollFlags::IN))
        } else {
            Some((self.to.as_ref()?, PollFlags::OUT))
        }
    }

    /// Does what was waited for. A stream that ends or breaks ends the flow.
    fn advance(&mut self) {
        let moved = if self.held.is_empty() {
            self.take()
        } else {
            self.give()
        };
        if !matches!(moved, Ok(1..) | Err(Errno::INTR | Errno::AGAIN)) {
            self.from = None;
            self.to = None;
            self.held.clear();
        }
    }

    fn take(&mut self) -> Result<usize, Errno> {
        let from = self.from.as_ref().ok_or(Errno::BADF)?;
        let mut buffer = [0; WRITE_BYTES];
        let length = rustix::io::read(from, &mut buffer)?;
        self.held
            .extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn give(&mut self) -> Result<usize, Errno> {
        let to = self.to.as_ref().ok_or(Errno::BADF)?;
        let length = rustix::io::write(to, &self.held)?;
        self.held.drain(..length.min(self.held.len()));
        Ok(length)
    }
}

/// Carries bytes and signals until the program has ended and what it wrote was carried.
pub(super) fn attend(
    mut child: Child,
    mut signals: Signals,
    mut flows: Vec<Flow>,
    pass: &mut dyn FnMut(&Child, Signal) -> anyhow::Result<()>,
) -> anyhow::Result<u8> {
    signals
        .be_patient_for(LOOK)
        .context("cannot read signals")?;
    let mut ended: Option<ExitStatus> = None;
    loop {
        if ended.is_none() {
            ended = child.try_wait().context("cannot wait for the command")?;
        }
        if ended.is_some() {
            flows.retain(|flow| flow.towards == Towards::Caller);
        }
        let moved = step(&mut signals, &mut flows, ended)?;
        for signal in signals.arrived() {
            pass(&child, signal)?;
        }
        if let (Some(status), Moved::Nothing) = (ended, moved) {
            let signal = status.signal().map(|signal| signal.saturating_add(128));
            let code = status.code().or(signal).unwrap_or(255);
            return Ok(u8::try_from(code).unwrap_or(255));
        }
    }
}

/// Whether a step carried anything.
enum Moved {
    Something,
    Nothing,
}

/// Waits for something, unless the program has ended, and does all that can be done.
fn step(
    signals: &mut Signals,
    flows: &mut [Flow],
    ended: Option<ExitStatus>,
) -> anyhow::Result<Moved> {
    let awaited: Vec<_> = flows.iter().map(Flow::awaited).collect();
    let mut polled = vec![PollFd::new(signals, PollFlags::IN)];
    polled.extend(
        awaited
            .iter()
            .flatten()
            .map(|(descriptor, flags)| PollFd::new(*descriptor, *flags)),
    );
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut polled, ended.map(|_| &at_once)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error).context("cannot wait for the streams"),
    }
    let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
    let signalled = ready.next().unwrap_or(false);
    let ready: Vec<bool> = awaited
        .iter()
        .map(|awaited| awaited.is_some() && ready.next().unwrap_or(false))
        .collect();
    let mut moved = Moved::Nothing;
    if signalled {
        signals.wait().context("cannot read signals")?;
    }
    for (flow, _) in flows.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
        flow.advance();
        moved = Moved::Something;
    }
    Ok(moved)
}
