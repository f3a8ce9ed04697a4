//! What an agent sends, looked through as it passes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::decode::Chain;
use super::detectors::{Detectors, Inner};
use super::exact::Origin;
use super::finding::{Finding, Place};
use super::packed::Packed;
use super::redact::{TokenMarks, Values, Which};
use super::stop::{Stop, Unscannable};
use super::text::{Mail, Text};
use crate::limits::DLP_BLOCK_BYTES;

/// What the head says about a body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content<'a> {
    /// The value of `content-encoding`, its lines joined with commas.
    pub content_encoding: Option<&'a str>,
    /// The value of `content-type`.
    pub content_type: Option<&'a str>,
}

/// What a match does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMatch {
    /// The stream stops before the last byte of the match.
    Block,
    /// A known value and a vendor's token are replaced by [`super::MARKER`] where they stand whole, in
    /// a body without content encoding. In any other form, in an encoded body, and for rules and
    /// private keys, the match stops the stream. The length changes: the caller drops
    /// `content-length` and digests of the body.
    Redact,
}

/// A body on its way out.
///
/// What goes in comes out unchanged (or redacted), as soon as it can: nothing is held but what may
/// become a match that is to be replaced, and what a rule matches before all of it is there. An
/// encoded body passes as it is, each piece when what it decodes to was looked through.
#[derive(Debug)]
pub struct Stream {
    inner: Arc<Inner>,
    place: Place,
    chain: Chain,
    /// The body as it was encoded: headers of gzip have room for names and comments.
    encoded: Option<Box<Text>>,
    text: Box<Text>,
    /// What is packed without saying so in the head.
    packed: Option<Packed>,
    redactor: Option<(Values, TokenMarks)>,
    /// What was looked at, and must not go on before a rule's verdict.
    held: BytesMut,
    stopped: Option<Stop>,
}

impl Stream {
    /// Begins a body.
    pub fn new(
        detectors: &Detectors,
        content: Content<'_>,
        on_match: OnMatch,
        place: Place,
    ) -> Result<Self, Unscannable> {
        let inner = &detectors.0;
        let chain = Chain::new(content.content_encoding, &inner.memory)?;
        let kind = content.content_type.unwrap_or_default().trim_start();
        let kind = kind.to_ascii_lowercase();
        let mail = if kind.starts_with("multipart/") || kind.starts_with("message/") {
            Mail::Yes
        } else {
            Mail::No
        };
        let identity = chain.is_identity();
        let redacts = identity && on_match == OnMatch::Redact;
        Ok(Self {
            encoded: (!identity).then(|| Box::new(Text::new(inner, Mail::No))),
            text: Box::new(Text::new(inner, mail)),
            packed: (identity && place != Place::Frame).then(Packed::default),
            redactor: redacts.then(|| (Values::new(inner, Which::All), TokenMarks::new(inner))),
            inner: Arc::clone(inner),
            place,
            chain,
            held: BytesMut::new(),
            stopped: None,
        })
    }

    /// Takes the next piece and returns what may go on now. After a [`Stop`] nothing may.
    pub fn push(&mut self, piece: Bytes) -> Result<Bytes, Stop> {
        if let Some(stop) = &self.stopped {
            return Err(stop.clone());
        }
        let piece = match &mut self.redactor {
            None => piece,
            Some((values, tokens)) => Bytes::from(tokens.push(&values.push(&piece))),
        };
        self.pass(piece)
    }

    /// Ends the body and returns what was still held.
    pub fn finish(&mut self) -> Result<Bytes, Stop> {
        if let Some(stop) = &self.stopped {
            return Err(stop.clone());
        }
        let rest = match &mut self.redactor {
            None => Bytes::new(),
            Some((values, tokens)) => {
                let mut rest = tokens.push(&values.finish());
                rest.extend(tokens.finish());
                Bytes::from(rest)
            }
        };
        let ready = self.pass(rest)?;
        self.chain.finish().map_err(|stop| self.stop(stop))?;
        let found = self.text.finish(&self.inner);
        let found = found.or_else(|| self.encoded.as_mut()?.finish(&self.inner));
        let found = found.or_else(|| self.packed.as_mut()?.finish(&self.inner));
        if let Some(origin) = found {
            return Err(self.found(origin));
        }
        let mut out = BytesMut::from(ready);
        out.unsplit(self.held.split());
        Ok(out.freeze())
    }

    /// Returns what was found and stops nothing: each detector once for a body.
    pub fn take_reports(&mut self) -> Vec<Finding> {
        let mut reports = self.text.take_reports();
        if let Some(encoded) = &mut self.encoded {
            reports.extend(encoded.take_reports());
        }
        if let Some(packed) = &mut self.packed {
            reports.extend(packed.take_reports());
        }
        reports
            .into_iter()
            .map(|origin| origin.at(&self.place))
            .collect()
    }

    /// Gives up after [`Stop::Unscannable`], where the route passes what cannot be scanned: returns all
    /// that was taken and has not gone on.
    pub fn into_held(mut self) -> Bytes {
        self.held.split().freeze()
    }

    /// Lets rules decide by what has come where they could wait for more, and holds nothing.
    pub(super) fn decide(&mut self) -> Result<(), Stop> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.held.clear();
        match self.text.decide(&self.inner) {
            Some(origin) => Err(self.found(origin)),
            None => Ok(()),
        }
    }

    /// Ends a message: rules take what has come for all, and begin anew.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        if let Some(stop) = &self.stopped {
            return Err(stop.clone());
        }
        if let Some(origin) = self.text.settle(&self.inner) {
            return Err(self.found(origin));
        }
        self.held.clear();
        Ok(())
    }

    /// Looks a piece through, block by block, and returns what may go on.
    fn pass(&mut self, piece: Bytes) -> Result<Bytes, Stop> {
        let mut ready = 0;
        let mut at = 0;
        let begun = self.held.len();
        while at < piece.len() {
            let end = piece.len().min(at + DLP_BLOCK_BYTES);
            let block = piece.slice(at..end);
            if let Err(stop) = self.look(&block) {
                self.held
                    .extend_from_slice(piece.get(ready..).unwrap_or_default());
                return Err(self.stop(stop));
            }
            at = end;
            if !self.is_undecided() {
                ready = end;
            }
        }
        if begun == 0 && ready == piece.len() {
            return Ok(piece);
        }
        let mut out = BytesMut::new();
        if ready > 0 || !self.is_undecided() {
            out = self.held.split();
        }
        out.extend_from_slice(piece.get(..ready).unwrap_or_default());
        self.held
            .extend_from_slice(piece.get(ready..).unwrap_or_default());
        Ok(out.freeze())
    }

    fn is_undecided(&self) -> bool {
        self.text.is_undecided()
            || self
                .encoded
                .as_ref()
                .is_some_and(|text| text.is_undecided())
            || self.packed.as_ref().is_some_and(Packed::is_undecided)
    }

    fn look(&mut self, block: &[u8]) -> Result<(), Stop> {
        let inner = &*self.inner;
        let place = &self.place;
        let check = |found: Option<Origin>| match found {
            Some(origin) => Err(Stop::Match(origin.at(place))),
            None => Ok(()),
        };
        if let Some(encoded) = &mut self.encoded {
            check(encoded.push(inner, block))?;
        }
        if let Some(packed) = &mut self.packed {
            check(packed.push(&self.inner, block))?;
        }
        let text = &mut self.text;
        self.chain
            .push(block, &mut |decoded| check(text.push(inner, decoded)))
    }

    fn found(&mut self, origin: Origin) -> Stop {
        let finding = origin.at(&self.place);
        self.stop(Stop::Match(finding))
    }

    fn stop(&mut self, stop: Stop) -> Stop {
        self.stopped = Some(stop.clone());
        stop
    }
}
