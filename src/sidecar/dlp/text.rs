//! One text as it passes, looked through in all its forms.

use std::collections::BTreeSet;

use super::detectors::Inner;
use super::exact::Origin;
use super::folded::Folded;
use super::overlap::Overlap;
use super::quoted::Quoted;
use super::rules::Windows;
use super::runs::Runs;
use super::unescape::Unescape;
use crate::limits::DLP_BLOCK_BYTES;

/// What is kept of one form of a text, to find what lies across borders.
#[derive(Clone, Debug, Default)]
struct Form {
    plain: Overlap,
    folded: Folded,
    tokens: Overlap,
}

/// Quoted-printable is undone where it can be expected: `=` is too common elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mail {
    /// The text is or holds mail.
    Yes,
    /// It does not.
    No,
}

/// One text that passes.
#[derive(Debug)]
pub(super) struct Text {
    raw: Form,
    unescape: Unescape,
    /// There from the first escape on; before, it is the raw form.
    unescaped: Option<Form>,
    quoted: Option<(Quoted, Form)>,
    runs: Runs,
    decoded: Form,
    rules: Option<Windows>,
    reports: Vec<Origin>,
    reported: BTreeSet<String>,
}

impl Form {
    fn push(&mut self, inner: &Inner, piece: &[u8], reports: &mut Vec<Origin>) -> Option<Origin> {
        let reach = inner.plain.longest();
        if reach > 0 {
            let joined = self.plain.join(piece, reach - 1);
            self.plain.pass(piece, reach - 1);
            let found = inner
                .plain
                .first(&joined.text)
                .or_else(|| inner.plain.first(piece));
            if let Some(found) = found {
                return Some(found.clone());
            }
        }
        if let Some(found) = self.folded.push(&inner.folded, piece) {
            return Some(found.clone());
        }
        inner.tokens.push(&mut self.tokens, piece, reports)
    }
}

impl Text {
    /// Begins a text.
    pub(super) fn new(inner: &Inner, mail: Mail) -> Self {
        Self {
            raw: Form::default(),
            unescape: Unescape::default(),
            unescaped: None,
            quoted: (mail == Mail::Yes).then(Default::default),
            runs: Runs::default(),
            decoded: Form::default(),
            rules: (!inner.rules.is_empty()).then(|| Windows::new(&inner.rules)),
            reports: Vec::new(),
            reported: BTreeSet::new(),
        }
    }

    /// Takes the next piece, and returns what is found.
    pub(super) fn push(&mut self, inner: &Inner, piece: &[u8]) -> Option<Origin> {
        piece
            .chunks(DLP_BLOCK_BYTES)
            .find_map(|block| self.block(inner, block))
    }

    /// Ends the text.
    pub(super) fn finish(&mut self, inner: &Inner) -> Option<Origin> {
        let rest = self.unescape.finish();
        if let Some(found) = self.plain(inner, &rest) {
            return Some(found);
        }
        let rules = self.rules.as_mut()?;
        rules.finish(&inner.rules, &mut self.reports)
    }

    /// Lets rules decide by what has come, where that may be looked at.
    pub(super) fn decide(&mut self, inner: &Inner) -> Option<Origin> {
        let rules = self.rules.as_mut()?;
        rules.decide(&inner.rules, &mut self.reports)
    }

    /// Ends the text for the rules only, and begins a new one for them.
    pub(super) fn settle(&mut self, inner: &Inner) -> Option<Origin> {
        let rules = self.rules.as_mut()?;
        let found = rules.finish(&inner.rules, &mut self.reports);
        *rules = Windows::new(&inner.rules);
        found
    }

    /// Tells whether what has come must be held until more comes, or the end.
    pub(super) fn is_undecided(&self) -> bool {
        self.rules.as_ref().is_some_and(Windows::is_undecided)
    }

    /// Returns what was found and stops nothing: each once for a text.
    pub(super) fn take_reports(&mut self) -> Vec<Origin> {
        let mut new = std::mem::take(&mut self.reports);
        new.retain(|origin| self.reported.insert(origin.name.clone()));
        new
    }

    /// Returns how many bytes were searched by rules so far.
    #[cfg(test)]
    pub(super) fn work(&self) -> usize {
        self.rules.as_ref().map_or(0, Windows::work)
    }

    fn block(&mut self, inner: &Inner, block: &[u8]) -> Option<Origin> {
        self.unescape.look(block);
        if self.unescape.has_begun() && self.unescaped.is_none() {
            self.unescaped = Some(self.raw.clone());
        }
        if let Some(found) = self.raw.push(inner, block, &mut self.reports) {
            return Some(found);
        }
        if let Some((quoted, form)) = &mut self.quoted {
            let text = quoted.push(block);
            if let Some(found) = form.push(inner, &text, &mut self.reports) {
                return Some(found);
            }
        }
        if !self.unescape.has_begun() {
            return self.plain(inner, block);
        }
        let text = self.unescape.push(block);
        self.plain(inner, &text)
    }

    /// Looks through text without escapes.
    fn plain(&mut self, inner: &Inner, text: &[u8]) -> Option<Origin> {
        if let Some(form) = &mut self.unescaped {
            let found = form.push(inner, text, &mut self.reports);
            // What is held may be the end of a value that has a percent sign itself.
            let found = found.or_else(|| {
                form.folded
                    .peek(&inner.folded, self.unescape.held())
                    .cloned()
            });
            if found.is_some() {
                return found;
            }
        }
        let decoded = self.runs.push(text);
        if !decoded.is_empty() {
            let found = self.decoded.push(inner, &decoded, &mut self.reports);
            if found.is_some() {
                return found;
            }
        }
        let rules = self.rules.as_mut()?;
        rules.push(&inner.rules, text, &mut self.reports)
    }
}
