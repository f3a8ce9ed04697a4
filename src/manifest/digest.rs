//! One digest over several texts.

use sha2::{Digest as _, Sha256};

/// A SHA-256 over texts in their order. Each goes in behind its length, so that
/// moving a line from one file to the next changes the digest.
#[derive(Debug, Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Adds one text.
    pub(super) fn add(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    /// Returns the digest in hex.
    pub(super) fn finish(self) -> String {
        self.0
            .finalize()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> String {
        let mut digest = Digest::default();
        for text in texts {
            digest.add(text);
        }
        digest.finish()
    }

    #[test]
    fn a_digest_depends_on_texts_order_and_borders() {
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_eq!(of(&["a"]).len(), 64);
        for other in [&["b", "a"][..], &["ab"], &["ab", ""], &["a"]] {
            assert_ne!(of(&["a", "b"]), of(other), "{other:?}");
        }
    }
}
