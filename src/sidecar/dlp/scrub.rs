//! Injected secrets, taken out of answers.

use bytes::Bytes;

use super::decode::{ACCEPTED, Chain};
use super::detectors::Detectors;
use super::redact::{Values, Which};
use super::stop::{Stop, Unscannable};
use super::stream::Content;

/// An answer on its way to the agent, out of which injected secrets are taken.
///
/// A secret is replaced by [`super::MARKER`] where it stands as it is, in base64 or base64url (at any
/// place in it), in hex, with percent signs, or escaped as in JSON. Nothing is held but what may be
/// the beginning of one.
///
/// An answer with a content encoding comes out decoded: where [`Self::decodes`] says so, the caller
/// drops `content-encoding`, and wherever this is used `content-length` and digests of the body, as the
/// length may change. An origin is best asked for what can be undone: put [`Self::ACCEPTED`] into
/// `accept-encoding` where the agent sent one, or `identity` where speed within the bottle counts more
/// than the bytes on the line.
#[derive(Debug)]
pub struct Scrub {
    values: Values,
    chain: Chain,
    stopped: Option<Stop>,
}

impl Scrub {
    /// What an origin may be asked to encode as.
    pub const ACCEPTED: &'static str = ACCEPTED;

    /// Begins an answer. Where the bottle injects no secret, it passes as it is, however it is encoded.
    pub fn new(detectors: &Detectors, content: Content<'_>) -> Result<Self, Unscannable> {
        let inner = &detectors.0;
        let encoding = content
            .content_encoding
            .filter(|_| inner.secrets.longest() > 0);
        Ok(Self {
            values: Values::new(inner, Which::Secrets),
            chain: Chain::new(encoding, &inner.memory)?,
            stopped: None,
        })
    }

    /// Tells whether what comes out has lost its content encoding.
    pub fn decodes(&self) -> bool {
        !self.chain.is_identity()
    }

    /// Tells whether something was replaced so far.
    pub fn replaced(&self) -> bool {
        self.values.count() > 0
    }

    /// Takes the next piece and returns what may go on now. It stops only where the answer cannot be
    /// decoded; after that nothing may go on.
    pub fn push(&mut self, piece: Bytes) -> Result<Bytes, Stop> {
        if let Some(stop) = &self.stopped {
            return Err(stop.clone());
        }
        if self.chain.is_identity() {
            if self.values.is_clean(&piece) {
                return Ok(piece);
            }
            return Ok(Bytes::from(self.values.push(&piece)));
        }
        let mut out = Vec::new();
        let values = &mut self.values;
        let result = self.chain.push(&piece, &mut |decoded| {
            out.append(&mut values.push(decoded));
            Ok(())
        });
        self.end(result.map(|()| out))
    }

    /// Ends the answer and returns what was still held.
    pub fn finish(&mut self) -> Result<Bytes, Stop> {
        if let Some(stop) = &self.stopped {
            return Err(stop.clone());
        }
        let result = self.chain.finish();
        let rest = self.values.finish();
        self.end(result.map(|()| rest))
    }

    /// Replaces in a header's value, which is whole; `None` is what needs no change.
    pub fn header(detectors: &Detectors, value: &[u8]) -> Option<Vec<u8>> {
        let mut values = Values::new(&detectors.0, Which::Secrets);
        if values.is_clean(value) {
            return None;
        }
        let mut out = values.push(value);
        out.extend(values.finish());
        (values.count() > 0).then_some(out)
    }

    fn end(&mut self, result: Result<Vec<u8>, Stop>) -> Result<Bytes, Stop> {
        match result {
            Ok(out) => Ok(Bytes::from(out)),
            Err(stop) => {
                self.stopped = Some(stop.clone());
                Err(stop)
            }
        }
    }
}
