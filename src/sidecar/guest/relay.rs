//! Stands between a command and our own output, so that the end of the command is the end of its output.
//!
//! Engines wait for the end of an exec's output as well as for its process, and some give up on the
//! status when the output stays open: a command that leaves a daemon behind would hang, or lose its
//! status. So the command writes into pipes of ours, which are left alone soon after it has ended.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal as _, PipeReader, PipeWriter, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::{self, Pid, Signal, WaitOptions, WaitStatus};

use super::init;
use super::limits::{LINGER, RELAY_BUFFER, RELAY_STACK};
use super::signals::Signals;

/// The signals that are passed on. Others end us or are the kernel's alone.
const PASSED_ON: [Signal; 7] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// A command's output on its way to ours, and the signals that are passed on.
pub(super) struct Relay {
    signals: Signals,
    /// Where the command's output comes from, and the streams of ours that it goes to.
    outputs: Vec<(PipeReader, &'static [Stream])>,
}

impl Relay {
    /// Makes pipes for those of the command's outputs that are pipes here; none are left: nothing.
    ///
    /// On a terminal nothing is made either: its signals and its stops are the command's own.
    pub(super) fn prepare(command: &mut Command) -> io::Result<Option<Self>> {
        let (out, err) = (pipe_behind(io::stdout())?, pipe_behind(io::stderr())?);
        let terminal =
            io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
        if terminal || (out, err) == (None, None) {
            return Ok(None);
        }
        let mut relay = Self {
            signals: Signals::catch(&PASSED_ON)?,
            outputs: Vec::new(),
        };
        if out.is_some() && out == err {
            // What goes into one pipe stays in order only through one pipe.
            let writer = relay.pipe_to(&[Stream::Out, Stream::Err])?;
            command.stdout(writer.try_clone()?).stderr(writer);
        } else {
            if out.is_some() {
                command.stdout(relay.pipe_to(&[Stream::Out])?);
            }
            if err.is_some() {
                command.stderr(relay.pipe_to(&[Stream::Err])?);
            }
        }
        // As without us: the command leads its own group, and what it tells its group it does not tell us.
        command.process_group(0);
        Ok(Some(relay))
    }

    /// Stays with the command until it has ended and its output was written, and returns its status.
    pub(super) fn attend(self, mut child: Child) -> anyhow::Result<u8> {
        let Self { signals, outputs } = self;
        // Closed to tell the copiers that the command has ended.
        let (ended, alive) = io::pipe()?;
        let copiers: io::Result<Vec<JoinHandle<()>>> = outputs
            .into_iter()
            .map(|(from, to)| start_to_copy(from, to, ended.try_clone()?))
            .collect();
        let copiers = match copiers {
            Ok(copiers) => copiers,
            Err(error) => {
                // A command whose output cannot be had is no use to anybody.
                child.kill()?;
                return Err(error).context("cannot copy the command's output");
            }
        };
        // Only the command reads our input: whoever writes it must notice when it does not.
        Stream::In.give_up();
        let status = wait_for(&child, signals)?;
        drop(alive);
        for copier in copiers {
            copier
                .join()
                .map_err(|_| anyhow!("the copying of the command's output crashed"))?;
        }
        Ok(init::code_of(status))
    }

    /// Makes a pipe to these streams, and returns where the command writes to.
    fn pipe_to(&mut self, to: &'static [Stream]) -> io::Result<PipeWriter> {
        let (from, writer) = io::pipe()?;
        self.outputs.push((from, to));
        Ok(writer)
    }
}

/// Waits for the end of the command, and passes signals on until then.
fn wait_for(child: &Child, mut signals: Signals) -> anyhow::Result<WaitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.context("the command has no process number")?;
    loop {
        signals.wait().context("cannot wait for signals")?;
        match process::waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return Ok(status),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for the command"),
        }
        for signal in signals.arrived().filter(|signal| is_ours(*signal)) {
            // A command that became another user's is out of our reach, as it would be out of the sender's.
            process::kill_process(pid, signal).ok();
        }
    }
}

/// Copies in a thread of its own, and then lets go of the streams.
///
/// Not before the command has been started: whoever could not start it needs the streams to say so.
fn start_to_copy(
    from: PipeReader,
    to: &'static [Stream],
    ended: PipeReader,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .stack_size(RELAY_STACK)
        .spawn(move || {
            if let Some(first) = to.first() {
                // Either end being gone is the end of the copying; the streams then say so.
                drop(copy(from, *first, &ended));
            }
            for stream in to {
                stream.give_up();
            }
        })
}

/// Tells whether a signal is for us to pass on: `init` tells everyone by itself that the end has come.
fn is_ours(signal: Signal) -> bool {
    signal != Signal::TERM || !init::is_ending()
}

/// One of our own streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    In,
    Out,
    Err,
}

impl Stream {
    fn write(self, bytes: &[u8]) -> rustix::io::Result<usize> {
        self.with(|stream| rustix::io::write(stream, bytes))
    }

    fn with<T>(self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Self::In => work(io::stdin().as_fd()),
            Self::Out => work(io::stdout().as_fd()),
            Self::Err => work(io::stderr().as_fd()),
        }
    }

    /// Lets go of the stream, so that its other end sees that. It stays open on nothing.
    fn give_up(self) {
        let nothing = match self {
            Self::In => File::open("/dev/null"),
            Self::Out | Self::Err => File::options().write(true).open("/dev/null"),
        };
        // Without a null device the stream stays open until we end, which is soon enough.
        if let Ok(nothing) = nothing {
            match self {
                Self::In => rustix::stdio::dup2_stdin(nothing),
                Self::Out => rustix::stdio::dup2_stdout(nothing),
                Self::Err => rustix::stdio::dup2_stderr(nothing),
            }
            .ok();
        }
    }
}

/// Returns which pipe or socket a stream is; nothing for files, terminals and devices, which have no other end.
fn pipe_behind(stream: impl AsFd) -> io::Result<Option<(u64, u64)>> {
    let found = match rustix::fs::fstat(stream) {
        Ok(found) => found,
        // It was closed, which is not ours to mend.
        Err(Errno::BADF) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kind = FileType::from_raw_mode(found.st_mode);
    let is_pipe = matches!(kind, FileType::Fifo | FileType::Socket);
    Ok(is_pipe.then_some((found.st_dev, found.st_ino)))
}

/// Copies until the command's end is closed, ours is, or the command has ended and said what it had to say.
fn copy(mut from: PipeReader, to: Stream, ended: &PipeReader) -> io::Result<()> {
    let mut buffer = vec![0; RELAY_BUFFER];
    let mut end: Option<End> = None;
    loop {
        match wait(&from, to, ended, end.as_ref())? {
            Event::Data => {}
            Event::Ended => {
                // What is in the pipe now holds all that the command wrote.
                let due = rustix::io::ioctl_fionread(&from)?;
                let deadline = Instant::now() + LINGER;
                end = Some(End { due, deadline });
                continue;
            }
            Event::Broken | Event::TimeUp => return Ok(()),
        }
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        write_all(to, buffer.get(..length).unwrap_or_default())?;
        if let Some(end) = &mut end {
            end.due = end.due.saturating_sub(length as u64);
        }
    }
}

/// How far the copying goes once the command has ended.
struct End {
    /// What was in the pipe then: copied however long it takes.
    due: u64,
    /// How long others may still write, such as a filter that the command did not wait for.
    deadline: Instant,
}

/// What a copier wakes up for.
enum Event {
    /// There is something to read, or the end of it.
    Data,
    /// The command has ended.
    Ended,
    /// Nobody reads our output any more.
    Broken,
    /// What others may still write has had its time.
    TimeUp,
}

fn wait(from: &PipeReader, to: Stream, ended: &PipeReader, end: Option<&End>) -> io::Result<Event> {
    let left = match end {
        Some(End { due: 0, deadline }) => {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::TimeUp);
            }
            Some(Timespec::try_from(left).map_err(io::Error::other)?)
        }
        Some(_) | None => None,
    };
    let gone = PollFlags::ERR | PollFlags::HUP;
    to.with(|to| {
        loop {
            let mut fds = [
                PollFd::new(from, PollFlags::IN),
                PollFd::from_borrowed_fd(to, PollFlags::empty()),
                PollFd::new(ended, PollFlags::IN),
            ];
            // Once the end is known it would be told again and again.
            let watched = if end.is_some() { 2 } else { 3 };
            let ready = match poll(fds.get_mut(..watched).unwrap_or_default(), left.as_ref()) {
                Ok(ready) => ready,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let [from, to, ended] = fds.map(|fd| fd.revents());
            return Ok(if to.intersects(gone) {
                Event::Broken
            } else if ready == 0 {
                Event::TimeUp
            } else if ended.intersects(gone) {
                Event::Ended
            } else {
                debug_assert!(!from.is_empty());
                Event::Data
            });
        }
    })
}

/// Writes all, and waits for room where somebody made our stream one that does not wait by itself.
fn write_all(to: Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => to.with(|to| {
                let mut fds = [PollFd::from_borrowed_fd(to, PollFlags::OUT)];
                poll(&mut fds, None).map(drop)
            })?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
