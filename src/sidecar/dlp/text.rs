//! One text as it passes, looked through in all its forms.

use std::collections::BTreeSet;

use super::detectors::Inner;
use super::exact::Origin;
use super::folded::{Folded, fold_onto};
use super::overlap::Overlap;
use super::quoted::Quoted;
use super::rules::Windows;
use super::runs::Runs;
use super::unescape::{Unescape, Unescaped};
use crate::limits::DLP_BLOCK_BYTES;

/// What is kept of one form of a text, to find what lies across borders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// There from an escape on, until what is kept is the same again as of the raw form.
    unescaped: Option<Form>,
    quoted: Option<(Quoted, Form)>,
    runs: Runs,
    decoded: Form,
    rules: Option<Windows>,
    reports: Vec<Origin>,
    reported: BTreeSet<String>,
}

impl Form {
    /// Takes a piece as it is.
    fn push(&mut self, inner: &Inner, piece: &[u8], reports: &mut Vec<Origin>) -> Option<Origin> {
        let mut folded = Vec::new();
        if inner.folded.longest() > 0 {
            folded = self.folded.begin(piece.len());
            fold_onto(piece, &mut folded);
        }
        self.search(inner, piece, &folded, reports)
    }

    /// Takes a piece that was folded onto what [`Folded::begin`] gave.
    fn search(
        &mut self,
        inner: &Inner,
        piece: &[u8],
        folded: &[u8],
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
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
        if let Some(found) = self.folded.push(&inner.folded, folded) {
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
        if let Some(form) = &mut self.unescaped
            && let Some(found) = form.push(inner, &rest, &mut self.reports)
        {
            return Some(found);
        }
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
        let unescaped = self.unescape.push(block);
        let found = if unescaped.edits.is_empty() {
            self.same(inner, block)
        } else {
            self.different(inner, block, &unescaped)
        };
        if found.is_some() {
            return found;
        }
        if let Some((quoted, form)) = &mut self.quoted {
            let text = quoted.push(block);
            let found = form.push(inner, &text, &mut self.reports);
            if found.is_some() {
                return found;
            }
        }
        self.plain(inner, &unescaped.text)
    }

    /// Looks through a block that has no escapes: one look is enough for both forms, unless they
    /// differ by what came before.
    fn same(&mut self, inner: &Inner, block: &[u8]) -> Option<Origin> {
        let found = self.raw.push(inner, block, &mut self.reports);
        if found.is_some() {
            return found;
        }
        let form = self.unescaped.as_mut()?;
        let found = form.push(inner, block, &mut self.reports);
        if *form == self.raw {
            self.unescaped = None;
        }
        found
    }

    /// Looks through a block as it is and without its escapes. What both have is folded once.
    fn different(
        &mut self,
        inner: &Inner,
        block: &[u8],
        unescaped: &Unescaped<'_>,
    ) -> Option<Origin> {
        let form = self.unescaped.get_or_insert_with(|| self.raw.clone());
        let mut raw = self.raw.folded.begin(block.len());
        let mut plain = form.folded.begin(unescaped.text.len());
        if inner.folded.longest() > 0 {
            fold_both(block, unescaped, &mut raw, &mut plain);
        }
        let reports = &mut self.reports;
        self.raw
            .search(inner, block, &raw, reports)
            .or_else(|| form.search(inner, &unescaped.text, &plain, reports))
            // What is held may be the end of a value that has a percent sign itself.
            .or_else(|| {
                let held = self.unescape.held();
                form.folded.peek(&inner.folded, held).cloned()
            })
    }

    /// Looks through text without escapes for what is looked for in no other.
    fn plain(&mut self, inner: &Inner, text: &[u8]) -> Option<Origin> {
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

/// Folds a block and what it is without escapes.
fn fold_both(block: &[u8], unescaped: &Unescaped<'_>, raw: &mut Vec<u8>, plain: &mut Vec<u8>) {
    let mut done = 0;
    let end = block.len()..block.len();
    let ends = unescaped.edits.iter().map(|edit| (&edit.piece, &edit.text));
    for (piece, text) in ends.chain([(&end, &(0..0))]) {
        let from = raw.len();
        fold_onto(block.get(done..piece.start).unwrap_or_default(), raw);
        plain.extend_from_slice(raw.get(from..).unwrap_or_default());
        fold_onto(block.get(piece.clone()).unwrap_or_default(), raw);
        fold_onto(unescaped.text.get(text.clone()).unwrap_or_default(), plain);
        done = piece.end;
    }
}
