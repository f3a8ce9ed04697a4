//! The first bytes of some words, found in few and fast passes.
//!
//! The packed search of `aho_corasick` looks at 16 or 32 places at once, where the words are not many
//! and not short. So words are searched by their first four bytes, and shorter ones apart from them.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};

/// The bytes of a word that are searched for.
const ANCHOR: usize = 4;
/// The most words in a pass: the packed search tells more of them apart badly.
const MOST: usize = 32;

/// Where words may begin.
#[derive(Debug)]
pub(super) struct Anchors {
    passes: Vec<Pass>,
}

/// Some of the words.
#[derive(Debug)]
struct Pass {
    search: Search,
    /// For each anchor the numbers of its words, the longest word first.
    words: Vec<Vec<usize>>,
}

#[derive(Debug)]
enum Search {
    Packed(Box<Searcher>),
    /// Where the processor has no packed search.
    Automaton(AhoCorasick),
}

impl Anchors {
    /// Takes the words.
    pub(super) fn new(words: &[&[u8]]) -> Self {
        let mut anchors: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (number, word) in words.iter().enumerate() {
            let anchor = word.get(..ANCHOR).unwrap_or(word);
            anchors.entry(anchor).or_default().push(number);
        }
        for numbers in anchors.values_mut() {
            numbers.sort_by_key(|number| {
                let word = words.get(*number);
                std::cmp::Reverse(word.map_or(0, |word| word.len()))
            });
        }
        let (long, short): (Vec<_>, Vec<_>) = anchors
            .into_iter()
            .partition(|(anchor, _)| anchor.len() == ANCHOR);
        let groups = long.chunks(MOST).chain(short.chunks(MOST));
        Self {
            passes: groups.filter_map(Pass::new).collect(),
        }
    }

    /// Returns the places where words may begin, each with the numbers of the words.
    pub(super) fn find<'t>(
        &'t self,
        text: &'t [u8],
    ) -> impl Iterator<Item = (usize, &'t [usize])> + use<'t> {
        self.passes.iter().flat_map(move |pass| pass.find(text))
    }
}

impl Pass {
    fn new(anchors: &[(&[u8], Vec<usize>)]) -> Option<Self> {
        let (bytes, words): (Vec<&[u8]>, Vec<Vec<usize>>) = anchors.iter().cloned().unzip();
        let packed = Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .builder()
            .extend(&bytes)
            .build();
        let search = match packed {
            Some(searcher) => Search::Packed(Box::new(searcher)),
            None => Search::Automaton(AhoCorasick::new(&bytes).ok()?),
        };
        Some(Self { search, words })
    }

    fn find<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = (usize, &'t [usize])> + use<'t> {
        let (packed, automaton) = match &self.search {
            Search::Packed(searcher) => (Some(searcher.find_iter(text)), None),
            Search::Automaton(automaton) => (None, Some(automaton.find_iter(text))),
        };
        let found = packed.into_iter().flatten();
        let found = found.chain(automaton.into_iter().flatten());
        found.filter_map(|found| {
            let words = self.words.get(found.pattern().as_usize())?;
            Some((found.start(), words.as_slice()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_found_where_they_begin() {
        let many: Vec<String> = (0..100).map(|number| format!("{number:03}-word")).collect();
        let mut words: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
        words.extend([&b"a."[..], b"same-1", b"same-12"]);
        let anchors = Anchors::new(&words);
        assert!(anchors.passes.len() >= 4);
        for (number, word) in words.iter().enumerate() {
            let text = [b"text before ", *word, b" and after it, more than a vector"].concat();
            let found: Vec<_> = anchors.find(&text).collect();
            assert_eq!(found.len(), 1, "{number}");
            assert!(found[0].0 == 12 && found[0].1.contains(&number), "{number}");
        }
        let text = b"same-12";
        let longest_first = &[102, 101][..];
        assert_eq!(anchors.find(text).collect::<Vec<_>>(), [(0, longest_first)]);
        assert_eq!(anchors.find(b"sam 00- 0 a,").count(), 0);
    }
}
