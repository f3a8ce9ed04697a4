//! Reads what a program writes, up to a bound, without waiting for its descendants for ever.

use std::io::{self, PipeReader, Read as _};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::child::Group;

/// The most that is kept of one stream, in bytes. The longest answer known is the list of a busy
/// engine's containers, which stays below a tenth of it.
pub const MAX_CAPTURE: usize = 8 * 1024 * 1024;

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

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
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
    /// Begins to read. A program that writes too much is killed with its group.
    pub(super) fn start(reader: PipeReader, group: Group) -> io::Result<Self> {
        let buffer = Arc::new(Mutex::new(Buffer::default()));
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
        Ok(std::mem::take(&mut buffer.bytes))
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
        if self.state == State::Open {
            if self.bytes.len() + bytes.len() > MAX_CAPTURE {
                self.state = State::Overflowed;
            } else {
                self.bytes.extend_from_slice(bytes);
            }
        }
        self.state
    }
}

fn lock(buffer: &Mutex<Buffer>) -> std::sync::MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}
