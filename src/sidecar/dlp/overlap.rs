//! The end of what has passed, so that what lies across a border is found.

/// The last bytes of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlap {
    tail: Vec<u8>,
    /// Whether more has passed than is kept.
    full: bool,
}

/// A text around the border between two pieces.
#[derive(Debug)]
pub(super) struct Joined {
    /// The end of what has passed, and the beginning of the piece.
    pub(super) text: Vec<u8>,
    /// Whether the text is the very beginning.
    pub(super) from_start: bool,
}

impl Overlap {
    /// Returns what lies around the piece's beginning: `reach` bytes before it and after it.
    pub(super) fn join(&self, piece: &[u8], reach: usize) -> Joined {
        let mut text = Vec::with_capacity(self.tail.len() + reach.min(piece.len()));
        text.extend_from_slice(&self.tail);
        text.extend_from_slice(piece.get(..reach).unwrap_or(piece));
        Joined {
            text,
            from_start: !self.full,
        }
    }

    /// Lets a piece pass.
    pub(super) fn pass(&mut self, piece: &[u8], reach: usize) {
        if piece.len() >= reach {
            self.tail.clear();
        }
        let kept = piece.len().saturating_sub(reach);
        self.tail
            .extend_from_slice(piece.get(kept..).unwrap_or_default());
        let over = self.tail.len().saturating_sub(reach);
        self.full = self.full || kept > 0 || over > 0;
        self.tail.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_is_kept_up_to_the_reach() {
        let mut overlap = Overlap::default();
        for (piece, text, from_start) in [
            ("ab", "ab", true),
            ("c", "abc", true),
            ("defghi", "abcdef", true),
            ("j", "ghij", false),
            ("", "hij", false),
        ] {
            let joined = overlap.join(piece.as_bytes(), 3);
            assert_eq!(joined.text, text.as_bytes());
            assert_eq!(joined.from_start, from_start, "{piece}");
            overlap.pass(piece.as_bytes(), 3);
        }
    }
}
