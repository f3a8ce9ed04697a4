//! Escapes undone, as often as they were put on top of each other.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr3_iter;

/// The longest escape: `&#x0010ffff;`.
const LONGEST: usize = 12;

/// Undoes `%41`, `%u0041`, `\u0041`, `\x41`, `\/`, `\n` and its like, and `&#65;` in what passes,
/// also where one yields the beginning of the next (`%2541`).
///
/// A finished escape is replaced at the end of what was written, so that its result counts for the
/// next one; each step makes the text shorter, so the work grows with the text and no faster.
#[derive(Debug, Default)]
pub(super) struct Unescape {
    /// The beginning of an escape whose end has not come.
    held: Vec<u8>,
}

/// What a piece adds to the text.
#[derive(Debug)]
pub(super) struct Unescaped<'p> {
    /// The text; the piece itself where nothing differs.
    pub(super) text: Cow<'p, [u8]>,
    /// Where the two differ, from left to right.
    pub(super) edits: Vec<Edit>,
}

/// A part of a piece that became something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where it stands in the piece.
    pub(super) piece: Range<usize>,
    /// What it became in the text.
    pub(super) text: Range<usize>,
}

/// What an introducer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// No escape: what follows it is not of one.
    Nothing,
    /// An escape of two bytes that stand for this one.
    Pair(u8),
    /// Perhaps an escape.
    Perhaps,
}

impl Unescape {
    /// Undoes the escapes of a text that is whole.
    pub(super) fn whole(text: &[u8]) -> Cow<'_, [u8]> {
        let mut unescape = Self::default();
        let mut out = unescape.push(text).text;
        let rest = unescape.finish();
        if !rest.is_empty() {
            out.to_mut().extend(rest);
        }
        out
    }

    /// Returns the beginning of an escape that is still held.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Takes the next piece, and returns the text that it adds.
    pub(super) fn push<'p>(&mut self, piece: &'p [u8]) -> Unescaped<'p> {
        let mut edits = Vec::new();
        let mut out = Vec::new();
        let mut done = 0;
        if !self.held.is_empty() {
            out = std::mem::take(&mut self.held);
            done = bytewise(&mut out, piece, 0);
            edits.push(edit(0..done, 0..out.len()));
        }
        for at in memchr3_iter(b'%', b'\\', b'&', piece) {
            if at < done {
                continue;
            }
            let begins = begins(piece.get(at..).unwrap_or_default());
            if begins == Begins::Nothing {
                continue;
            }
            if out.is_empty() {
                out.reserve(piece.len());
            }
            out.extend_from_slice(piece.get(done..at).unwrap_or_default());
            let from = out.len();
            done = match begins {
                Begins::Pair(byte) => {
                    out.push(byte);
                    at + 2
                }
                Begins::Nothing | Begins::Perhaps => bytewise(&mut out, piece, at),
            };
            if piece.get(at..done) != out.get(from..) || done == piece.len() {
                edits.push(edit(at..done, from..out.len()));
            }
        }
        if done == piece.len() {
            self.hold(&mut out, &mut edits);
        }
        if edits.is_empty() {
            return Unescaped {
                text: Cow::Borrowed(piece),
                edits,
            };
        }
        out.extend_from_slice(piece.get(done..).unwrap_or_default());
        Unescaped {
            text: Cow::Owned(out),
            edits,
        }
    }

    /// Ends the text, and returns what was held.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Holds what may be the beginning of an escape at the end of a text.
    fn hold(&mut self, out: &mut Vec<u8>, edits: &mut [Edit]) {
        let from = out.len().saturating_sub(LONGEST - 1);
        let end = out.get(from..).unwrap_or_default();
        let open = |at: &usize| {
            let end = end.get(*at..).unwrap_or_default();
            end.first().copied().is_some_and(is_introducer) && begins(end) != Begins::Nothing
        };
        if let Some(begin) = (0..end.len()).find(open) {
            self.held = out.split_off(from + begin);
            if let Some(last) = edits.last_mut() {
                last.text.end = out.len();
            }
        }
    }
}

fn edit(piece: Range<usize>, text: Range<usize>) -> Edit {
    Edit { piece, text }
}

/// Tells by the next byte what an introducer begins. A byte that is an introducer itself may become
/// any other.
fn begins(text: &[u8]) -> Begins {
    match text {
        [b'\\', b'n' | b'\n', ..] => Begins::Pair(b'\n'),
        [b'\\', b'r', ..] => Begins::Pair(b'\r'),
        [b'\\', b't', ..] => Begins::Pair(b'\t'),
        [b'\\', byte @ (b'/' | b'"' | b'\''), ..] => Begins::Pair(*byte),
        [b'\\' | b'%', b'u', ..]
        | [b'\\', b'x' | b'X', ..]
        | [b'&', b'#', ..]
        | [_, b'%' | b'\\' | b'&', ..]
        | [_] => Begins::Perhaps,
        [b'%', byte, ..] if byte.is_ascii_hexdigit() => Begins::Perhaps,
        [..] => Begins::Nothing,
    }
}

/// Goes byte by byte for as long as an escape may be open, and returns where that ends.
fn bytewise(out: &mut Vec<u8>, piece: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = piece.get(at) {
        let open = out.len().saturating_sub(LONGEST - 1);
        let open = out.get(open..).unwrap_or_default();
        if !is_introducer(*byte) && !open.iter().any(|byte| is_introducer(*byte)) {
            break;
        }
        out.push(*byte);
        while reduce(out) {}
        at += 1;
    }
    at
}

fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Undoes an escape that stands at the end.
fn reduce(out: &mut Vec<u8>) -> bool {
    let (len, code) = match out.as_slice() {
        [.., b'\\' | b'%', b'u', a, b, c, d] if hex(&[*a, *b, *c, *d]).is_some() => {
            (6, hex(&[*a, *b, *c, *d]))
        }
        [.., b'\\', b'x' | b'X', a, b] if hex(&[*a, *b]).is_some() => (4, hex(&[*a, *b])),
        [.., b'%', a, b] if hex(&[*a, *b]).is_some() => {
            // As a byte, since several of them are one letter.
            let byte = hex(&[*a, *b]).and_then(|code| u8::try_from(code).ok());
            out.truncate(out.len() - 3);
            out.extend(byte);
            return true;
        }
        [.., b'\\', letter @ (b'/' | b'"' | b'\'' | b'\\')] => (2, Some(u32::from(*letter))),
        [.., b'\\', b'n' | b'\n'] => (2, Some(10)),
        [.., b'\\', b'r'] => (2, Some(13)),
        [.., b'\\', b't'] => (2, Some(9)),
        [before @ .., b';'] => reference(before),
        [..] => return false,
    };
    let Some(letter) = code.and_then(char::from_u32) else {
        return false;
    };
    out.truncate(out.len() - len);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    true
}

/// Reads a character reference that ends before a semicolon.
fn reference(before: &[u8]) -> (usize, Option<u32>) {
    let from = before.len().saturating_sub(LONGEST - 1);
    let end = before.get(from..).unwrap_or_default();
    let Some(at) = end.iter().rposition(|byte| *byte == b'&') else {
        return (0, None);
    };
    let code = match end.get(at + 1..).unwrap_or_default() {
        [b'#', b'x' | b'X', digits @ ..] => hex(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse().ok()),
        [..] => None,
    };
    (end.len() - at + 1, code)
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        Some(number << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pieces: &[&str]) -> String {
        let mut unescape = Unescape::default();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(&*unescape.push(piece.as_bytes()).text);
        }
        out.extend(unescape.finish());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn escapes_are_undone() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("%41%62c", "Abc"),
            ("%2541", "A"),
            ("%252541 and %25%34%31", "A and A"),
            ("\\u0041\\u0062", "Ab"),
            ("\\\\u0041", "A"),
            ("\\x41\\X62", "Ab"),
            ("a\\/b\\\"c", "a/b\"c"),
            ("a\\nb\\tc", "a\nb\tc"),
            ("&#65;&#x62;&#x00000063;", "Abc"),
            ("%u0041", "A"),
            ("%c3%a4 \\u00e4", "\u{e4} \u{e4}"),
            (
                "100% of %zz & more; &amp; \\q \\u12 &#; &#x; %",
                "100% of %zz & more; &amp; \\q \\u12 &#; &#x; %",
            ),
            ("%25", "%"),
        ] {
            assert_eq!(whole(&[text]), expected, "{text}");
            for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (before, after) = text.split_at(cut);
                assert_eq!(whole(&[before, after]), expected, "{before}|{after}");
            }
            let single: Vec<String> = text.chars().map(String::from).collect();
            let single: Vec<&str> = single.iter().map(String::as_str).collect();
            assert_eq!(whole(&single), expected, "{text}");
        }
    }
}
