//! Byte patterns in one automaton.

use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};

use super::finding::Tier;
use super::grams::Grams;

/// What a pattern stands for.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) tier: Tier,
}

/// Patterns with what each stands for.
pub(super) struct Exact {
    automaton: Option<AhoCorasick>,
    origins: Vec<Origin>,
    /// The patterns in order, to tell what may begin at a text's end.
    sorted: Vec<Vec<u8>>,
    /// A faster way to tell that none is there, where all are long enough.
    grams: Option<Grams>,
    longest: usize,
}

/// Where a pattern was found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Exact {
    /// Builds the automaton.
    pub(super) fn new(mut patterns: Vec<(Vec<u8>, Origin)>) -> Self {
        patterns.retain(|(bytes, _)| !bytes.is_empty());
        // The surer of two that look the same wins, and the automaton stays small.
        patterns.sort_by(|(a, from_a), (b, from_b)| (a, from_a.tier).cmp(&(b, from_b.tier)));
        patterns.dedup_by(|(later, _), (first, _)| later == first);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.iter().map(|(bytes, _)| bytes))
            .ok()
            .filter(|_| !patterns.is_empty());
        let (sorted, origins): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let longest = sorted.iter().map(Vec::len).max().unwrap_or_default();
        Self {
            automaton,
            origins,
            grams: Grams::new(&sorted),
            sorted,
            longest,
        }
    }

    /// Returns the bytes of the longest pattern, 0 when there is none.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Returns where patterns are found in a text, from left to right.
    pub(super) fn find<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = Hit> + use<'t> {
        self.automaton
            .iter()
            .flat_map(move |automaton| automaton.find_iter(text))
            .map(|found| Hit {
                start: found.start(),
                end: found.end(),
            })
    }

    /// Returns what a pattern in a text stands for.
    pub(super) fn first(&self, text: &[u8]) -> Option<&Origin> {
        let found = match &self.grams {
            Some(grams) => grams.first(&self.sorted, text)?,
            None => self.automaton.as_ref()?.find(text)?.pattern().as_usize(),
        };
        self.origins.get(found)
    }

    /// Returns what each pattern in a text stands for.
    pub(super) fn each<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = &'t Origin> + 't {
        self.automaton
            .iter()
            .flat_map(move |automaton| automaton.find_iter(text))
            .filter_map(|found| self.origins.get(found.pattern().as_usize()))
    }

    /// Returns where a pattern begins that the end of a text cuts off, or the text's end.
    pub(super) fn open_from(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(self.longest.saturating_sub(1));
        (from..text.len())
            .find(|at| self.is_beginning(text.get(*at..).unwrap_or_default()))
            .unwrap_or(text.len())
    }

    /// Tells whether a pattern goes on after these bytes.
    fn is_beginning(&self, bytes: &[u8]) -> bool {
        let at = self
            .sorted
            .partition_point(|pattern| pattern.as_slice() <= bytes);
        self.sorted
            .get(at)
            .is_some_and(|pattern| pattern.starts_with(bytes))
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Exact([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(patterns: &[&str]) -> Exact {
        let origin = |name: &&str| Origin {
            name: (*name).to_owned(),
            tier: Tier::Secret,
        };
        Exact::new(
            patterns
                .iter()
                .map(|pattern| (pattern.as_bytes().to_vec(), origin(pattern)))
                .collect(),
        )
    }

    #[test]
    fn what_may_begin_at_the_end_is_known() {
        let exact = exact(&["abcdef", "cdx", "zz"]);
        for (text, open) in [
            ("12abc", 2),
            ("12abcd", 2),
            ("12cd", 2),
            ("12abcdef", 8),
            ("12x", 3),
            ("z", 0),
            ("", 0),
        ] {
            assert_eq!(exact.open_from(text.as_bytes()), open, "{text}");
        }
    }

    #[test]
    fn no_pattern_finds_nothing() {
        let none = exact(&[]);
        assert_eq!((none.longest(), none.first(b"abc").is_some()), (0, false));
        assert!(exact(&["abc"]).first(b"xabcx").is_some());
    }
}
