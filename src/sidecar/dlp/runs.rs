//! What stands in a text as base64, decoded.

/// The fewest letters of base64 that are taken for it: 18 bytes.
pub(super) const LEAST: usize = 24;

/// A line end, which may stand inside.
const LINE_END: u8 = 64;
/// What is no letter of base64.
const OTHER: u8 = 255;

/// For each byte its value in base64 or base64url, or what it is instead.
const VALUES: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut at: u8 = 0;
    loop {
        let value = match at {
            b'A'..=b'Z' => at - b'A',
            b'a'..=b'z' => at - b'a' + 26,
            b'0'..=b'9' => at - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => LINE_END,
            _ => OTHER,
        };
        // A constant cannot use `get_mut`; the index is a byte, and there are 256 places.
        let (left, _) = table.split_at_mut(at as usize + 1);
        if let Some(place) = left.last_mut() {
            *place = value;
        }
        if at == u8::MAX {
            break;
        }
        at += 1;
    }
    table
};

/// Finds runs of base64 in what passes and decodes each from its beginning.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The letters of the run so far.
    letters: usize,
    bits: u32,
    /// What the run decodes to while it is too short to count.
    pending: Vec<u8>,
}

impl Runs {
    /// Takes the next piece and returns what is decoded in it. Two runs are set apart by a 0.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(byte) = piece.get(at) {
            if self.letters == 0
                && let Some(next) = skip(piece, at)
            {
                at = next;
                continue;
            }
            if self.letters >= LEAST && self.letters.is_multiple_of(4) {
                let letters = decode(piece.get(at..).unwrap_or_default(), &mut out);
                if letters > 0 {
                    self.letters += letters;
                    at += letters;
                    continue;
                }
            }
            match value(*byte) {
                OTHER => self.end(&mut out),
                LINE_END => {}
                value => self.letter(value, &mut out),
            }
            at += 1;
        }
        out
    }

    fn letter(&mut self, value: u8, out: &mut Vec<u8>) {
        self.bits = self.bits << 6 | u32::from(value);
        // Four letters are three bytes: each but the first of four completes one.
        let byte = match self.letters % 4 {
            0 => None,
            1 => Some(self.bits >> 4),
            2 => Some(self.bits >> 2),
            _ => Some(self.bits),
        };
        self.letters += 1;
        let target = if self.letters < LEAST {
            &mut self.pending
        } else {
            &mut *out
        };
        target.extend(byte.map(|bits| (bits & 255) as u8));
        if self.letters == LEAST {
            let last = out.pop();
            out.append(&mut self.pending);
            out.extend(last);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.letters >= LEAST {
            out.push(0);
        }
        self.letters = 0;
        self.pending.clear();
    }
}

/// Returns where the next run may begin, where none that counts can begin here.
fn skip(piece: &[u8], at: usize) -> Option<usize> {
    let window = piece.get(at..at + LEAST)?;
    let last = window.iter().rposition(|byte| value(*byte) == OTHER)?;
    Some(at + last + 1)
}

/// Decodes whole groups of four letters at the beginning of a text, and returns how many letters.
fn decode(text: &[u8], out: &mut Vec<u8>) -> usize {
    let (groups, _) = text.as_chunks::<4>();
    let from = out.len();
    out.resize(from + groups.len() * 3, 0);
    let (room, _) = out.get_mut(from..).unwrap_or_default().as_chunks_mut::<3>();
    let mut count = 0;
    for ([a, b, c, d], to) in groups.iter().zip(room) {
        let [a, b, c, d] = [value(*a), value(*b), value(*c), value(*d)];
        // What is no letter has a bit that no letter has.
        if (a | b | c | d) >= LINE_END {
            break;
        }
        *to = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        count += 1;
    }
    out.truncate(from + count * 3);
    count * 4
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    const TEXT: &[u8] = b"the words that are hidden \xff\xfe\x00\x01 here";

    fn decoded(pieces: &[&[u8]]) -> Vec<u8> {
        let mut runs = Runs::default();
        pieces.iter().flat_map(|piece| runs.push(piece)).collect()
    }

    #[test]
    fn a_run_is_decoded_however_it_is_cut() {
        let standard = STANDARD.encode(TEXT);
        let lines = format!("{}\r\n{}", &standard[..20], &standard[20..]);
        for body in [standard.clone(), URL_SAFE_NO_PAD.encode(TEXT), lines] {
            let text = format!("{{\"data\": \"{body}\", \"other words\": 1}}");
            let whole = decoded(&[text.as_bytes()]);
            assert_eq!(whole.strip_suffix(&[0]), Some(TEXT), "{text}");
            for cut in 0..text.len() {
                let (before, after) = text.as_bytes().split_at(cut);
                assert_eq!(decoded(&[before, after]), whole, "{cut}");
            }
            let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(decoded(&single), whole);
        }
    }

    #[test]
    fn short_words_are_no_base64() {
        assert_eq!(
            decoded(&[b"only short words, and abcdefghijklmnopqrstuvw"]),
            b""
        );
        assert_eq!(decoded(&[b"abcdefghijklmnopqrstuvwx"]).len(), 18);
    }
}
