//! A text without its separators and its case, and the known values in it.

use super::exact::{Exact, Origin};

/// The fewest letters and digits of a value that is looked for without its separators.
pub(super) const SPLIT: usize = 12;
/// The same for an encoded form: it looks like no word of any language.
pub(super) const ENCODED: usize = 10;

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
fn fold_onto(text: &[u8], out: &mut Vec<u8>) {
    let mut end = out.len();
    out.resize(end + text.len(), 0);
    for byte in text {
        let folded = FOLD.get(usize::from(*byte)).copied().unwrap_or_default();
        if let Some(place) = out.get_mut(end) {
            *place = folded;
        }
        end += usize::from(folded != 0);
    }
    out.truncate(end);
}

/// The end of a folded text, in which a value may have begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    tail: Vec<u8>,
}

impl Folded {
    /// Takes the next piece and returns what is found in it, or across its beginning.
    pub(super) fn push<'p>(&mut self, patterns: &'p Exact, piece: &[u8]) -> Option<&'p Origin> {
        if patterns.longest() == 0 {
            return None;
        }
        let mut text = std::mem::take(&mut self.tail);
        fold_onto(piece, &mut text);
        let found = patterns.first(&text);
        let keep = text.len().saturating_sub(patterns.longest() - 1);
        text.drain(..keep);
        text.shrink_to(patterns.longest());
        self.tail = text;
        found
    }

    /// Returns what would be found if this came next.
    pub(super) fn peek<'p>(&self, patterns: &'p Exact, piece: &[u8]) -> Option<&'p Origin> {
        if piece.is_empty() {
            return None;
        }
        let mut text = self.tail.clone();
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
