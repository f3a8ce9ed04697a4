//! Patterns of ten bytes or more, found by looking at some places of a text only.
//!
//! Wherever a pattern of fifteen bytes lies, one of ten neighbouring places is the beginning of six bytes
//! inside of it. So the ten six-byte pieces at a pattern's beginning are put into a table, and a text is
//! held against it in steps of ten: a few hundred patterns cost no more than a few. The shortest
//! pattern says how long the steps are.

use std::collections::BTreeMap;

/// The bytes of a piece.
const GRAM: usize = 6;
/// The fewest bytes of a pattern.
pub(super) const SHORTEST: usize = 10;
/// The longest step in a text: more makes the table larger, and the search hardly faster.
const LONGEST_STEP: usize = 16;
/// The least and the largest table of bits: 2 KiB to 128 KiB, which stay in the near caches.
const BITS: std::ops::RangeInclusive<u32> = 14..=20;
/// How many bits there are for each piece, as a power of two: 1 of 128 pieces of other texts is
/// looked up for nothing.
const SPARSE: u32 = 7;

/// The pieces of some patterns.
pub(super) struct Grams {
    step: usize,
    /// The bits of the table's size.
    shift: u32,
    bits: Vec<u64>,
    /// For each piece the patterns that it is in, and where in them.
    places: BTreeMap<u64, Vec<(usize, usize)>>,
}

impl Grams {
    /// Takes the patterns' pieces; `None` where one is too short for that.
    pub(super) fn new(patterns: &[Vec<u8>]) -> Option<Self> {
        let shortest = patterns.iter().map(Vec::len).min()?;
        if shortest < SHORTEST {
            return None;
        }
        let step = (shortest - GRAM + 1).min(LONGEST_STEP);
        let mut places: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, pattern) in patterns.iter().enumerate() {
            for at in 0..step {
                let gram = gram(pattern.get(at..).unwrap_or_default());
                places.entry(gram).or_default().push((number, at));
            }
        }
        let size =
            (places.len().next_power_of_two().ilog2() + SPARSE).clamp(*BITS.start(), *BITS.end());
        let mut grams = Self {
            step,
            shift: 64 - size,
            bits: vec![0; 1 << (size - 6)],
            places,
        };
        for gram in grams.places.keys() {
            let (word, bit) = place(*gram, grams.shift);
            if let Some(word) = grams.bits.get_mut(word) {
                *word |= bit;
            }
        }
        Some(grams)
    }

    /// Returns a pattern that stands in a text.
    pub(super) fn first(&self, patterns: &[Vec<u8>], text: &[u8]) -> Option<usize> {
        let bits = self.bits.as_slice();
        let mut rest = text;
        while let Some(bytes) = rest.first_chunk::<8>() {
            let gram = u64::from_le_bytes(*bytes) << (64 - 8 * GRAM);
            let (word, bit) = place(gram, self.shift);
            if bits.get(word).is_some_and(|word| word & bit != 0)
                && let Some(found) = self.verify(patterns, text, text.len() - rest.len(), gram)
            {
                return Some(found);
            }
            rest = rest.get(self.step..).unwrap_or_default();
        }
        // The last places have no eight bytes to read.
        let mut at = text.len() - rest.len();
        while let Some(bytes) = text.get(at..at + GRAM) {
            if let Some(found) = self.verify(patterns, text, at, gram(bytes)) {
                return Some(found);
            }
            at += self.step;
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
    let bytes = text.iter().take(GRAM);
    bytes
        .rev()
        .fold(0, |gram, byte| gram << 8 | u64::from(*byte))
        << (64 - 8 * GRAM)
}

/// Returns the word and the bit of a piece.
fn place(gram: u64, shift: u32) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift;
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
