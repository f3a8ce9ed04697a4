//! Known values and tokens, replaced where they stand as a text passes.

use std::sync::Arc;

use super::detectors::Inner;
use super::exact::Exact;
use super::tokens::Replace;
use super::vendor::Letters;

/// What stands in the place of a secret.
pub const MARKER: &str = "[bottle: secret removed]";

/// Which known values are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Injected secrets.
    Secrets,
    /// Secrets, placeholders and the canary.
    All,
}

/// Replaces known values; holds back only what may still become one.
#[derive(Debug)]
pub(super) struct Values {
    inner: Arc<Inner>,
    which: Which,
    held: Vec<u8>,
    count: usize,
}

impl Values {
    /// Begins a text.
    pub(super) fn new(inner: &Arc<Inner>, which: Which) -> Self {
        Self {
            inner: Arc::clone(inner),
            which,
            held: Vec::new(),
            count: 0,
        }
    }

    /// Returns how often something was replaced so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Tells whether a piece may go on as it is: nothing is held, found, or open in it.
    pub(super) fn is_clean(&self, piece: &[u8]) -> bool {
        let patterns = self.patterns();
        self.held.is_empty()
            && patterns.first(piece).is_none()
            && patterns.open_from(piece) == piece.len()
    }

    /// Takes the next piece and returns what may go on.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        let inner = Arc::clone(&self.inner);
        let patterns = self.which.patterns(&inner);
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        let mut open = patterns.open_from(&text);
        for hit in patterns.find(&text) {
            // A longer pattern may begin where this one does.
            if hit.start >= open {
                break;
            }
            out.extend_from_slice(text.get(from..hit.start).unwrap_or_default());
            out.extend_from_slice(MARKER.as_bytes());
            self.count += 1;
            from = hit.end;
            if open < from {
                open = from + patterns.open_from(text.get(from..).unwrap_or_default());
            }
        }
        out.extend_from_slice(text.get(from..open).unwrap_or_default());
        self.held = text.split_off(open);
        out
    }

    /// Ends the text and returns what was held.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        let inner = Arc::clone(&self.inner);
        let mut out = Vec::new();
        let mut from = 0;
        for hit in self.which.patterns(&inner).find(&text) {
            out.extend_from_slice(text.get(from..hit.start).unwrap_or_default());
            out.extend_from_slice(MARKER.as_bytes());
            self.count += 1;
            from = hit.end;
        }
        out.extend_from_slice(text.get(from..).unwrap_or_default());
        out
    }

    fn patterns(&self) -> &Exact {
        self.which.patterns(&self.inner)
    }
}

impl Which {
    fn patterns(self, inner: &Inner) -> &Exact {
        match self {
            Self::Secrets => &inner.secrets,
            Self::All => &inner.replaced,
        }
    }
}

/// Replaces vendors' tokens.
#[derive(Debug)]
pub(super) struct TokenMarks {
    inner: Arc<Inner>,
    held: Vec<u8>,
    /// The byte before what is held.
    before: Option<u8>,
    /// The letters of a token that was replaced and may go on.
    inside: Option<Letters>,
}

impl TokenMarks {
    /// Begins a text.
    pub(super) fn new(inner: &Arc<Inner>) -> Self {
        Self {
            inner: Arc::clone(inner),
            held: Vec::new(),
            before: None,
            inside: None,
        }
    }

    /// Takes the next piece and returns what may go on.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            if let Some(letters) = self.inside {
                let more = rest.iter().take_while(|byte| letters.has(**byte)).count();
                rest = self.skip(rest, more);
                if rest.is_empty() {
                    break;
                }
                self.inside = None;
            }
            match self.inner.tokens.to_replace(rest, self.before) {
                None => {
                    out.extend_from_slice(rest);
                    rest = self.skip(rest, rest.len());
                }
                Some(Replace::Open(at)) => {
                    out.extend_from_slice(rest.get(..at).unwrap_or_default());
                    self.held = self.skip(rest, at).to_vec();
                    break;
                }
                Some(Replace::Token(start, end, letters)) => {
                    out.extend_from_slice(rest.get(..start).unwrap_or_default());
                    out.extend_from_slice(MARKER.as_bytes());
                    rest = self.skip(rest, end);
                    self.inside = Some(letters);
                }
            }
        }
        out
    }

    /// Ends the text and returns what was held: it has become no token.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Goes on in a text, and remembers the byte before.
    fn skip<'t>(&mut self, text: &'t [u8], len: usize) -> &'t [u8] {
        let (gone, rest) = text.split_at_checked(len).unwrap_or((text, &[]));
        self.before = gone.last().copied().or(self.before);
        rest
    }
}
