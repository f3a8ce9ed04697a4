//! One rule: a pattern, and what makes a match of it count.

use std::sync::Arc;

use regex::bytes::{Captures, Regex};

use super::allowlist::{Allowlist, Matched};
use super::entropy::entropy;

/// A rule that can be applied.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) regex: Regex,
    /// The group that holds the secret; 0 is the first one that took part, or the whole match.
    pub(super) secret_group: usize,
    /// The entropy that a secret must exceed.
    pub(super) entropy: f64,
    pub(super) allowlists: Vec<Arc<Allowlist>>,
    pub(super) noisy: Noisy,
}

/// Whether a rule only reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noisy {
    /// It stops what it is found in.
    No,
    /// It is reported.
    Yes,
}

impl Rule {
    /// Returns where the first match that counts ends, from a place in a text on. A match that ends
    /// with the text and begins behind `last_start` is left to the next window.
    pub(super) fn find(&self, text: &[u8], from: usize, last_start: usize) -> Option<usize> {
        let mut at = from;
        while at <= text.len() {
            // Captures cost more than a search, and most texts have no match at all.
            let found = self.regex.find_at(text, at)?;
            let left_out = found.end() == text.len() && found.start() >= last_start;
            if !left_out {
                let captures = self.regex.captures_at(text, at)?;
                if self.counts(&captures, text) {
                    return Some(found.end());
                }
            }
            at = found.end().max(found.start() + 1);
        }
        None
    }

    /// Tells whether a match is excused by nothing.
    fn counts(&self, captures: &Captures<'_>, text: &[u8]) -> bool {
        let Some(whole) = captures.get(0) else {
            return false;
        };
        let group = match self.secret_group {
            0 => captures
                .iter()
                .skip(1)
                .flatten()
                .find(|group| !group.is_empty()),
            group => captures.get(group),
        };
        let secret = group.unwrap_or(whole).as_bytes();
        if self.entropy > 0.0 && entropy(secret) <= self.entropy {
            return false;
        }
        let matched = Matched {
            secret,
            whole: whole.as_bytes(),
            line: line(text, whole.start(), whole.end()),
        };
        !self.allowlists.iter().any(|list| list.excuses(matched))
    }
}

/// Returns the lines of a text that a match stands in.
fn line(text: &[u8], start: usize, end: usize) -> &[u8] {
    let before = text.get(..start).unwrap_or_default();
    let from = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let after = text.get(end..).unwrap_or_default();
    let until = memchr::memchr(b'\n', after).map_or(text.len(), |at| end + at);
    text.get(from..until).unwrap_or_default()
}
