//! The messages of a WebSocket.

use bytes::Bytes;

use super::detectors::Detectors;
use super::finding::{Finding, Place};
use super::stop::{Stop, Unscannable};
use super::stream::{Content, OnMatch, Stream};

/// One direction of a WebSocket: text and binary messages, however they are cut into frames.
///
/// The payloads of one direction are one stream, so that a known value that is spread over fragments
/// or messages is found. A match always blocks: a replaced payload would need other frames.
///
/// Nothing is held: a frame goes on when [`Self::push`] has taken its payload. So a rule decides by what
/// has come so far, though the rest of the message might excuse it; and where single bytes come in
/// such number that rules cannot look at each, they look when some KiB are there.
#[derive(Debug)]
pub struct Frames {
    stream: Stream,
}

impl Frames {
    /// Begins a direction.
    pub fn new(detectors: &Detectors) -> Result<Self, Unscannable> {
        let content = Content::default();
        let stream = Stream::new(detectors, content, OnMatch::Block, Place::Frame)?;
        Ok(Self { stream })
    }

    /// Takes the next piece of a text or binary message, unmasked. Control frames are taken too:
    /// a ping can carry bytes out.
    pub fn push(&mut self, payload: Bytes) -> Result<(), Stop> {
        self.stream.push(payload)?;
        self.stream.decide()
    }

    /// Ends a message, whose last frame was taken.
    pub fn end_message(&mut self) -> Result<(), Stop> {
        self.stream.settle()
    }

    /// Returns what was found and stops nothing, once.
    pub fn take_reports(&mut self) -> Vec<Finding> {
        self.stream.take_reports()
    }
}
