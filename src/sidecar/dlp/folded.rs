//! A text without its separators and its case, and the known values in it.

use super::exact::{Exact, Origin};

/// The fewest letters and digits of a value that is looked for without its separators.
pub(super) const SPLIT: usize = 12;
/// The same for an encoded form: it looks like no word of any language.
pub(super) const ENCODED: usize = 10;

/// The bytes that are folded in one step.
const STEP: usize = 16;

/// For each byte what it is folded to; 0 is left out.
const FOLD: [u8; 256] = {
    let mut table = [0; 256];
    let mut at: u8 = 0;
    loop {
        if at.is_ascii_alphanumeric() {
            // A constant cannot use `get_mut`; the index is a byte, and there are 256 places.
            let (left, _) = table.split_at_mut(at as usize + 1);
            if let Some(place) = left.last_mut() {
                *place = at.to_ascii_lowercase();
            }
        }
        if at == u8::MAX {
            break;
        }
        at += 1;
    }
    table
};

/// Folds a whole text.
pub(super) fn fold(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    fold_onto(text, &mut out);
    out
}

/// Folds a text onto the end of another.
pub(super) fn fold_onto(text: &[u8], out: &mut Vec<u8>) {
    let mut end = out.len();
    // Room for whole steps, of which the last one may fill less.
    out.resize(end + text.len() + STEP, 0);
    let (steps, rest) = text.as_chunks::<STEP>();
    for step in steps {
        let Some(to) = out.get_mut(end..).and_then(<[u8]>::first_chunk_mut) else {
            break;
        };
        end += fold_step(step, to);
    }
    for byte in rest {
        let folded = FOLD.get(usize::from(*byte)).copied().unwrap_or_default();
        if let Some(place) = out.get_mut(end) {
            *place = folded;
        }
        end += usize::from(folded != 0);
    }
    out.truncate(end);
}

/// Folds some bytes without a branch for each, and returns how many are left.
fn fold_step(step: &[u8; STEP], to: &mut [u8; STEP]) -> usize {
    let mut end = 0;
    for byte in step {
        let folded = FOLD.get(usize::from(*byte)).copied().unwrap_or_default();
        // The place is always there; the remainder spares the processor the question.
        if let Some(place) = to.get_mut(end % STEP) {
            *place = folded;
        }
        end += usize::from(folded != 0);
    }
    end
}

/// The end of a folded text, in which a value may have begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    tail: Vec<u8>,
}

impl Folded {
    /// Begins the room for a piece of this size: what may have begun before it.
    pub(super) fn begin(&self, len: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.tail.len() + len + STEP);
        text.extend_from_slice(&self.tail);
        text
    }

    /// Takes what was folded onto the room, and returns what is found in it.
    pub(super) fn push<'p>(&mut self, patterns: &'p Exact, text: &[u8]) -> Option<&'p Origin> {
        let kept = text
            .len()
            .saturating_sub(patterns.longest().saturating_sub(1));
        self.tail.clear();
        self.tail
            .extend_from_slice(text.get(kept..).unwrap_or_default());
        patterns.first(text)
    }

    /// Returns what would be found if this came next.
    pub(super) fn peek<'p>(&self, patterns: &'p Exact, piece: &[u8]) -> Option<&'p Origin> {
        if piece.is_empty() {
            return None;
        }
        let mut text = self.begin(piece.len());
        fold_onto(piece, &mut text);
        patterns.first(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_case_are_left_out() {
        assert_eq!(fold(b"A-b_c\nD.e F\xff1\0"), b"abcdef1");
        assert_eq!(fold(b" -\xc3\xa4"), b"");
    }
}
