//! The known values as they are, in one automaton.

use aho_corasick::{AhoCorasick, MatchKind};

use super::finding::Tier;

/// The fewest bytes of a value that is looked for at all.
pub(super) const SHORTEST: usize = 4;

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
    longest: usize,
}

/// Where a pattern was found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) origin: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Exact {
    /// Builds the automaton. Patterns are never empty.
    pub(super) fn new(patterns: &[(Vec<u8>, Origin)]) -> Self {
        let bytes = patterns.iter().map(|(bytes, _)| bytes);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(bytes)
            .ok()
            .filter(|_| !patterns.is_empty());
        Self {
            automaton,
            origins: patterns.iter().map(|(_, origin)| origin.clone()).collect(),
            longest: patterns
                .iter()
                .map(|(bytes, _)| bytes.len())
                .max()
                .unwrap_or_default(),
        }
    }

    /// Returns the bytes of the longest pattern.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Returns what is found in a text, from left to right.
    pub(super) fn find<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = Hit> + 't {
        self.automaton
            .iter()
            .flat_map(move |automaton| automaton.find_iter(text))
            .map(|found| Hit {
                origin: found.pattern().as_usize(),
                start: found.start(),
                end: found.end(),
            })
    }

    /// Returns what a pattern stands for.
    pub(super) fn origin(&self, hit: Hit) -> Option<&Origin> {
        self.origins.get(hit.origin)
    }
}
