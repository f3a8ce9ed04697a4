//! Patterns of ten bytes or more, found by looking at every fifth place only.
//!
//! Wherever a pattern of ten bytes lies, one of five neighbouring places is the beginning of six bytes
//! inside of it. So each five of the six-byte pieces at a pattern's beginning are put into a table, and a
//! text is held against it in steps of five: a few hundred patterns cost no more than a few.

use std::collections::BTreeMap;

/// The bytes of a piece.
const GRAM: usize = 6;
/// The step in a text.
const STEP: usize = 5;
/// The fewest bytes of a pattern.
pub(super) const SHORTEST: usize = GRAM + STEP - 1;
/// The table of bits: 16 KiB, which stay in the nearest cache.
const BITS: u32 = 17;

/// The pieces of some patterns.
pub(super) struct Grams {
    bits: Vec<u64>,
    /// For each piece the patterns that it is in, and where in them.
    places: BTreeMap<u64, Vec<(usize, usize)>>,
}

impl Grams {
    /// Takes the patterns' pieces; `None` where one is too short for that.
    pub(super) fn new(patterns: &[Vec<u8>]) -> Option<Self> {
        if patterns.iter().any(|pattern| pattern.len() < SHORTEST) {
            return None;
        }
        let mut grams = Self {
            bits: vec![0; 1 << (BITS - 6)],
            places: BTreeMap::new(),
        };
        for (number, pattern) in patterns.iter().enumerate() {
            for at in 0..STEP {
                let gram = gram(pattern.get(at..).unwrap_or_default());
                let (word, bit) = place(gram);
                if let Some(word) = grams.bits.get_mut(word) {
                    *word |= bit;
                }
                grams.places.entry(gram).or_default().push((number, at));
            }
        }
        Some(grams)
    }

    /// Returns a pattern that stands in a text.
    pub(super) fn first(&self, patterns: &[Vec<u8>], text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at + GRAM <= text.len() {
            let gram = gram(text.get(at..).unwrap_or_default());
            let (word, bit) = place(gram);
            if self.bits.get(word).is_some_and(|word| word & bit != 0)
                && let Some(found) = self.verify(patterns, text, at, gram)
            {
                return Some(found);
            }
            at += STEP;
        }
        None
    }

    fn verify(&self, patterns: &[Vec<u8>], text: &[u8], at: usize, gram: u64) -> Option<usize> {
        let stands = |(number, before): &&(usize, usize)| {
            let pattern = patterns.get(*number);
            let text = at.checked_sub(*before).and_then(|from| text.get(from..));
            text.zip(pattern)
                .is_some_and(|(text, pattern)| text.starts_with(pattern))
        };
        let places = self.places.get(&gram)?;
        places.iter().find(stands).map(|(number, _)| *number)
    }
}

/// Reads a piece at the beginning of a text.
fn gram(text: &[u8]) -> u64 {
    let bytes = text.first_chunk::<8>().map_or_else(
        || {
            let mut bytes = [0; 8];
            bytes
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = *from);
            bytes
        },
        |bytes| *bytes,
    );
    u64::from_le_bytes(bytes) & ((1 << (8 * GRAM)) - 1)
}

/// Returns the word and the bit of a piece.
fn place(gram: u64) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    (
        usize::try_from(hash >> 6).unwrap_or_default(),
        1 << (hash & 63),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_at_any_place() {
        let patterns = [b"0123456789".to_vec(), b"abcdefghijklmnop".to_vec()];
        let grams = Grams::new(&patterns).unwrap();
        for (number, pattern) in patterns.iter().enumerate() {
            for before in 0..12 {
                for after in 0..9 {
                    let text = [&vec![b'x'; before][..], pattern, &vec![b'y'; after]].concat();
                    assert_eq!(
                        grams.first(&patterns, &text),
                        Some(number),
                        "{before} {after}"
                    );
                    let mut other = text.clone();
                    for at in before..before + pattern.len() {
                        other[at] ^= 1;
                        assert_eq!(grams.first(&patterns, &other), None, "{before} {at}");
                        other[at] ^= 1;
                    }
                }
            }
        }
    }

    #[test]
    fn short_patterns_are_refused() {
        assert!(Grams::new(&[b"012345678".to_vec()]).is_none());
        assert!(Grams::new(&[b"0123456789".to_vec()]).is_some());
    }
}
