//! Passing the output on, all but what the engine itself has to say.

use std::io::{Read, Write};
use std::thread::JoinHandle;

/// How the engine's own words begin when it could not run the process.
const MARKERS: [&str; 5] = [
    "Error response from daemon: ",
    "OCI runtime exec failed: ",
    "Error: runc: ",
    "Error: crun: ",
    "Error: unable to start container ",
];

/// More than this the engine never says.
const HELD: usize = 16 * 1024;

/// A relay of one of the client's streams to the caller's.
#[derive(Debug)]
pub(super) struct Relay<W> {
    thread: JoinHandle<Vec<u8>>,
    to: fn() -> W,
}

impl<W: Write + 'static> Relay<W> {
    /// Starts to pass on.
    pub(super) fn start(from: impl Read + Send + 'static, to: fn() -> W) -> Self {
        Self {
            thread: std::thread::spawn(move || relay(from, to())),
            to,
        }
    }

    /// Waits for the end. What was held back is the engine's complaint when the status says that
    /// there was no process; else it was the process's own.
    pub(super) fn finish(self, status: u8) -> Option<String> {
        let held = self.thread.join().unwrap_or_default();
        if held.is_empty() {
            return None;
        }
        if matches!(status, 1 | 125..=127) && is_marked(&held) {
            return Some(String::from_utf8_lossy(&held).trim().to_owned());
        }
        // A reader that went away is no reason to fail.
        drop(pass(&mut (self.to)(), &held));
        None
    }
}

/// Passes on until either side ends: a writer whose reader went away is to notice.
fn relay(mut from: impl Read, mut to: impl Write) -> Vec<u8> {
    let mut held = Vec::new();
    let mut passing = false;
    let mut buffer = [0; 8192];
    while let Ok(count) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        held.extend_from_slice(bytes);
        passing = passing || held.len() > HELD || !may_be_marked(&held);
        if passing && pass(&mut to, &std::mem::take(&mut held)).is_err() {
            break;
        }
    }
    held
}

fn pass(to: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

fn is_marked(held: &[u8]) -> bool {
    MARKERS
        .iter()
        .any(|marker| held.starts_with(marker.as_bytes()))
}

fn may_be_marked(held: &[u8]) -> bool {
    is_marked(held)
        || MARKERS
            .iter()
            .any(|marker| marker.as_bytes().starts_with(held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_engines_beginnings_are_held() {
        assert!(may_be_marked(b"Err"));
        assert!(may_be_marked(b"Error response from daemon: x"));
        assert!(!may_be_marked(b"Error: x"));
        assert!(!is_marked(b"Err"));
        assert!(is_marked(b"OCI runtime exec failed: x"));
    }
}
