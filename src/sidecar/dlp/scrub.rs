//! Injected secrets, taken out of answers.

use bytes::Bytes;

use super::detectors::Detectors;
use super::stop::{Stop, Unscannable};
use super::stream::Content;

/// What stands in the place of a secret.
pub const MARKER: &str = "[bottle: secret removed]";

/// An answer on its way to the agent, out of which injected secrets are taken.
///
/// An answer whose encoding can be undone comes out decoded: where [`Self::decodes`] says so, the
/// caller drops `content-encoding`, and in any case `content-length`, `etag` and digests of the
/// body, since the length may change. It is best to ask the origin for what can be undone: replace
/// `accept-encoding` by [`Self::ACCEPTED`].
#[derive(Debug)]
pub struct Scrub {
    detectors: Detectors,
    held: Vec<u8>,
    replaced: bool,
}

impl Scrub {
    /// What an origin may be asked to encode as.
    pub const ACCEPTED: &'static str = "identity";

    /// Begins an answer.
    pub fn new(detectors: &Detectors, content: Content<'_>) -> Result<Self, Unscannable> {
        match content.content_encoding {
            None | Some("identity" | "") => Ok(Self {
                detectors: detectors.clone(),
                held: Vec::new(),
                replaced: false,
            }),
            Some(other) => Err(Unscannable::Encoding(other.to_owned())),
        }
    }

    /// Tells whether what comes out has lost its content encoding.
    pub fn decodes(&self) -> bool {
        false
    }

    /// Tells whether something was replaced so far.
    pub fn replaced(&self) -> bool {
        self.replaced
    }

    /// Takes the next piece and returns what may go on now.
    pub fn push(&mut self, piece: Bytes) -> Result<Bytes, Stop> {
        self.held.extend(piece);
        Ok(self.take(self.detectors.0.secrets.longest().saturating_sub(1)))
    }

    /// Ends the answer and returns what was still held.
    pub fn finish(&mut self) -> Result<Bytes, Stop> {
        Ok(self.take(0))
    }

    /// Replaces what is found and keeps so many bytes at the end, in which a secret may begin.
    fn take(&mut self, keep: usize) -> Bytes {
        let mut out = Vec::with_capacity(self.held.len());
        let mut from = 0;
        let keep_from = self.held.len().saturating_sub(keep);
        let secrets = self.detectors.0.clone();
        for hit in secrets.secrets.find(&self.held) {
            out.extend_from_slice(self.held.get(from..hit.start).unwrap_or_default());
            out.extend_from_slice(MARKER.as_bytes());
            from = hit.end;
            self.replaced = true;
        }
        let until = keep_from.max(from);
        out.extend_from_slice(self.held.get(from..until).unwrap_or_default());
        self.held = self.held.split_off(until);
        Bytes::from(out)
    }
}
