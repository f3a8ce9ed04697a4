//! Reads what a program writes, up to a bound, without waiting for its descendants for ever.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read as _};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::child::Group;

/// The most that is kept of one stream, in bytes. The longest answer known is the list of a busy
/// engine's containers, which stays below a tenth of it.
pub const MAX_CAPTURE: usize = 8 * 1024 * 1024;

/// The most that is kept of each end, where a stream may be longer than what is kept of it.
const END: usize = MAX_CAPTURE / 2;

/// The bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A stream that is being read on a thread of its own.
#[derive(Debug)]
pub(super) struct Capture {
    buffer: Arc<Mutex<Buffer>>,
    ended: Receiver<()>,
}

/// The stream was longer than [`MAX_CAPTURE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// What becomes of a stream that is longer than [`MAX_CAPTURE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// It is an error: half of an answer is none.
    Whole,
    /// Its beginning and its end are kept.
    Ends,
}

#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    /// What came last, once the beginning is kept.
    tail: VecDeque<u8>,
    left_out: usize,
    bound: Bound,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Too much came.
    Overflowed,
    /// Nobody wants the rest. It is still read, so that a descendant that holds the stream can write on.
    Abandoned,
}

impl Capture {
    /// Begins to read. A program that writes too much is killed with its group, unless both ends will do.
    pub(super) fn start(reader: PipeReader, group: Group, bound: Bound) -> io::Result<Self> {
        let buffer = Arc::new(Mutex::new(Buffer {
            bytes: Vec::new(),
            tail: VecDeque::new(),
            left_out: 0,
            bound,
            state: State::Open,
        }));
        let (sender, ended) = mpsc::channel();
        let shared = Arc::clone(&buffer);
        thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || pump(reader, &shared, group, &sender))?;
        Ok(Self { buffer, ended })
    }

    /// Returns what came until the end of the stream or the deadline.
    pub(super) fn finish(self, deadline: Instant) -> Result<Vec<u8>, Overflow> {
        let left = deadline.saturating_duration_since(Instant::now());
        // The end of the stream and the deadline are both a reason to go on with what there is.
        self.ended.recv_timeout(left).ok();
        let mut buffer = lock(&self.buffer);
        if buffer.state == State::Overflowed {
            return Err(Overflow);
        }
        buffer.state = State::Abandoned;
        Ok(buffer.take())
    }
}

fn pump(mut reader: PipeReader, buffer: &Mutex<Buffer>, group: Group, ended: &Sender<()>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let bytes = chunk.get(..count).unwrap_or_default();
        if lock(buffer).push(bytes) == State::Overflowed {
            group.kill();
            break;
        }
    }
    // Nobody listens any more when the capture was abandoned.
    ended.send(()).ok();
}

impl Buffer {
    fn push(&mut self, bytes: &[u8]) -> State {
        match (self.state, self.bound) {
            (State::Open, Bound::Whole) if self.bytes.len() + bytes.len() > MAX_CAPTURE => {
                self.state = State::Overflowed;
            }
            (State::Open, Bound::Whole) => self.bytes.extend_from_slice(bytes),
            (State::Open, Bound::Ends) => self.push_ends(bytes),
            (State::Overflowed | State::Abandoned, Bound::Whole | Bound::Ends) => {}
        }
        self.state
    }

    fn push_ends(&mut self, bytes: &[u8]) {
        let room = END.saturating_sub(self.bytes.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.bytes.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(END);
        self.tail.drain(..over);
        self.left_out += over;
    }

    fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        if self.left_out > 0 {
            bytes.extend(format!("\n[{} bytes are left out here]\n", self.left_out).bytes());
        }
        bytes.extend(std::mem::take(&mut self.tail));
        bytes
    }
}

fn lock(buffer: &Mutex<Buffer>) -> std::sync::MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}
