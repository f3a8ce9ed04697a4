//! Runs a program to its end or its deadline, and keeps what it wrote.

use std::borrow::Cow;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use super::capture::{Bound, Capture, MAX_CAPTURE, Overflow};
use super::child::{Child, Stdin};
use super::error::{ProcessError, Stream};
use super::invocation::{Input, Invocation};

/// How long the streams may stay open after the program has ended: a descendant may hold them for ever.
const STREAM_GRACE: Duration = Duration::from_secs(3);

/// How often `run_while` asks whether to go on.
const LOOK: Duration = Duration::from_millis(100);

/// What a program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its exit status; 128 and the signal's number when a signal ended it.
    pub status: i32,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// What a program left behind whose standard output went to a consumer.
#[derive(Debug)]
pub struct Drained<T> {
    /// Its status and its standard error; look at these first.
    pub captured: Captured,
    /// What the consumer made of its standard output.
    pub value: io::Result<T>,
}

impl Captured {
    /// Tells whether the status is 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Returns standard output as text, what is not UTF-8 replaced.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Returns standard error as text, what is not UTF-8 replaced.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

/// Runs a program and captures both its streams.
///
/// When `limit` has passed, it is ended with its process group. Blocks for at most `limit` and six
/// seconds.
pub fn run(invocation: &Invocation, limit: Duration) -> Result<Captured, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Given, Bound::Whole)?;
    running.feed(ends.stdin, given(invocation))?;
    running.capture(ends.stdout)
}

/// Runs a program and keeps the beginning and the end of what it prints: for logs, however long.
///
/// [`MAX_CAPTURE`] bytes are kept of each stream, and a line between the ends says how many are not.
pub fn skim(invocation: &Invocation, limit: Duration) -> Result<Captured, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Given, Bound::Ends)?;
    running.feed(ends.stdin, given(invocation))?;
    running.capture(ends.stdout)
}

/// Runs a program and captures both its streams, for as long as `go_on` says so.
///
/// For what may take minutes: it is ended, as at its deadline, when the answer becomes `false`.
pub fn run_while(
    invocation: &Invocation,
    limit: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<Captured, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Given, Bound::Whole)?;
    running.feed(ends.stdin, given(invocation))?;
    running.capture_while(ends.stdout, go_on)
}

/// Runs a program whose standard input is written by `producer`, on a thread of its own.
///
/// The invocation's own input is not used. When the producer fails, the program is killed before
/// its input closes, so that half of an archive is never taken for the whole. That the program
/// reads no further is not a failure: its status tells.
pub fn feed(
    invocation: &Invocation,
    limit: Duration,
    producer: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Result<Captured, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Produced, Bound::Whole)?;
    running.feed(ends.stdin, producer)?;
    running.capture(ends.stdout)
}

/// As [`feed`], for as long as `go_on` says so.
pub fn feed_while(
    invocation: &Invocation,
    limit: Duration,
    go_on: &dyn Fn() -> bool,
    producer: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Result<Captured, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Produced, Bound::Whole)?;
    running.feed(ends.stdin, producer)?;
    running.capture_while(ends.stdout, go_on)
}

/// Runs a program whose standard output is read by `consumer`, on a thread of its own.
///
/// The consumer has until the deadline, also after the program has ended.
pub fn drain<T: Send + 'static>(
    invocation: &Invocation,
    limit: Duration,
    consumer: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<Drained<T>, ProcessError> {
    drain_while(invocation, limit, &|| true, consumer)
}

/// As [`drain`], for as long as `go_on` says so.
pub fn drain_while<T: Send + 'static>(
    invocation: &Invocation,
    limit: Duration,
    go_on: &dyn Fn() -> bool,
    consumer: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<Drained<T>, ProcessError> {
    let (mut running, ends) = Running::start(invocation, limit, Stdin::Given, Bound::Whole)?;
    running.feed(ends.stdin, given(invocation))?;
    running.consume(ends.stdout, go_on, consumer)
}

/// Our ends of the streams that the entry points treat differently.
struct Ends {
    stdin: Option<PipeWriter>,
    stdout: PipeReader,
}

/// A program on its way to its end.
struct Running {
    child: Child,
    stderr: Capture,
    fed: Option<Receiver<io::Result<()>>>,
    line: String,
    limit: Duration,
    deadline: Instant,
    bound: Bound,
}

/// How a program ended, seen from here.
enum Ending {
    Status(i32),
    TimedOut(i32),
}

impl Running {
    fn start(
        invocation: &Invocation,
        limit: Duration,
        stdin: Stdin,
        bound: Bound,
    ) -> Result<(Self, Ends), ProcessError> {
        let deadline = Instant::now() + limit;
        let (child, pipes) = Child::spawn(invocation, stdin)?;
        let line = invocation.to_string();
        let stderr = Capture::start(pipes.stderr, child.group(), bound);
        let stderr = stderr.map_err(|source| no_thread(&child, &line, source))?;
        let running = Self {
            child,
            stderr,
            fed: None,
            line,
            limit,
            deadline,
            bound,
        };
        let ends = Ends {
            stdin: pipes.stdin,
            stdout: pipes.stdout,
        };
        Ok((running, ends))
    }

    /// Writes standard input on a thread of its own, where there is a pipe for it.
    fn feed(
        &mut self,
        pipe: Option<PipeWriter>,
        producer: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> Result<(), ProcessError> {
        let Some(mut pipe) = pipe else {
            return Ok(());
        };
        let group = self.child.group();
        let (sender, fed) = mpsc::channel();
        self.fed = Some(fed);
        let thread = move || {
            let written = producer(&mut pipe).and_then(|()| pipe.flush());
            let failed = written
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
            // Told before the kill, so that whoever sees the program end also finds the reason.
            sender.send(written).ok();
            if failed {
                // Before the pipe closes: what the program has read must not look whole.
                group.kill();
            }
        };
        spawn("feed", thread).map_err(|source| no_thread(&self.child, &self.line, source))
    }

    fn capture(self, stdout: PipeReader) -> Result<Captured, ProcessError> {
        self.capture_while(stdout, &|| true)
    }

    fn capture_while(
        self,
        stdout: PipeReader,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Captured, ProcessError> {
        let stdout = Capture::start(stdout, self.child.group(), self.bound)
            .map_err(|source| no_thread(&self.child, &self.line, source))?;
        let ending = self.wait(go_on)?;
        let grace = Instant::now() + STREAM_GRACE;
        let stdout = stdout
            .finish(grace)
            .map_err(|Overflow| too_much(&self.line, Stream::Stdout))?;
        self.conclude(&ending, stdout, grace)
    }

    fn consume<T: Send + 'static>(
        self,
        mut stdout: PipeReader,
        go_on: &dyn Fn() -> bool,
        consumer: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
    ) -> Result<Drained<T>, ProcessError> {
        let (sender, value) = mpsc::channel();
        spawn("drain", move || {
            let result = consumer(&mut stdout);
            drop(stdout);
            // Nobody listens any more after the deadline.
            sender.send(result).ok();
        })
        .map_err(|source| no_thread(&self.child, &self.line, source))?;
        let mut ending = self.wait(go_on)?;
        let grace = Instant::now() + STREAM_GRACE;
        let left = self
            .deadline
            .max(grace)
            .saturating_duration_since(Instant::now());
        let value = value.recv_timeout(left);
        if let (Err(_), Ending::Status(status)) = (&value, &ending) {
            ending = Ending::TimedOut(*status);
        }
        let captured = self.conclude(&ending, Vec::new(), grace)?;
        let value = value.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        Ok(Drained { captured, value })
    }

    /// Waits in slices, so that it notices when it should not go on.
    fn wait(&self, go_on: &dyn Fn() -> bool) -> Result<Ending, ProcessError> {
        while Instant::now() < self.deadline {
            if let Some(status) = self.child.wait(self.deadline.min(Instant::now() + LOOK))? {
                return Ok(Ending::Status(status));
            }
            if !go_on() {
                self.child.end()?;
                return Err(ProcessError::Cancelled {
                    invocation: self.line.clone(),
                });
            }
        }
        Ok(Ending::TimedOut(self.child.end()?.unwrap_or(-1)))
    }

    fn conclude(
        self,
        ending: &Ending,
        stdout: Vec<u8>,
        grace: Instant,
    ) -> Result<Captured, ProcessError> {
        let unfed = self.fed.as_ref().and_then(why_unfed);
        let (line, limit) = (self.line, self.limit);
        let stderr = self
            .stderr
            .finish(grace)
            .map_err(|Overflow| too_much(&line, Stream::Stderr))?;
        if let Some(source) = unfed {
            return Err(ProcessError::Feed {
                invocation: line,
                source,
            });
        }
        let captured = |status| Captured {
            status,
            stdout,
            stderr,
        };
        match ending {
            Ending::Status(status) => Ok(captured(*status)),
            Ending::TimedOut(status) => Err(ProcessError::TimedOut {
                invocation: line,
                after: limit,
                captured: captured(*status),
            }),
        }
    }
}

/// Says why standard input was not all produced. A program that stopped reading is no such reason.
fn why_unfed(fed: &Receiver<io::Result<()>>) -> Option<io::Error> {
    match fed.try_recv() {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Some(error),
        Ok(Ok(()) | Err(_)) | Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(io::Error::other("the producer panicked")),
    }
}

/// Writes what the invocation gives, for the inputs that go through a pipe.
fn given(
    invocation: &Invocation,
) -> impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static {
    let input = invocation.stdin.clone();
    move |pipe| match &input {
        Input::Bytes(bytes) => pipe.write_all(bytes),
        Input::Secret(secret) => pipe.write_all(secret.expose().as_bytes()),
        Input::Null | Input::File(_) => Ok(()),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
}

/// Without a thread that serves its streams the program could hang, so it is ended.
fn no_thread(child: &Child, line: &str, source: io::Error) -> ProcessError {
    child.group().kill();
    ProcessError::Spawn {
        invocation: line.to_owned(),
        source,
    }
}

fn too_much(line: &str, stream: Stream) -> ProcessError {
    ProcessError::TooMuchOutput {
        invocation: line.to_owned(),
        stream,
        limit: MAX_CAPTURE,
    }
}
