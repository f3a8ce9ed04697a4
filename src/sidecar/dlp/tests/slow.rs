//! The scanner beside a slow one that has no table, no piece and no shortcut: what the one finds in a
//! text of any parts, cut in any way, the other finds as well.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fixture::{CANARY, NEIGHBOUR, PLACEHOLDER, SECRET, SIGNS, detectors, send};
use crate::dlp::encodings::encoded;
use crate::dlp::vendor::SHAPES;
use crate::dlp::{Content, Detectors, OnMatch, Stop};

/// How many texts are looked through.
const TEXTS: usize = 3000;

/// Numbers that are the same in every run (a linear congruence).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

fn fold(text: &[u8]) -> Vec<u8> {
    let letters = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    letters.map(u8::to_ascii_lowercase).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Undoes the escapes of a text by looking for one at its end after each byte.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for byte in text {
        out.push(*byte);
        while let Some((len, byte)) = escape(&out) {
            out.truncate(out.len() - len);
            out.push(byte);
        }
    }
    out
}

fn escape(text: &[u8]) -> Option<(usize, u8)> {
    let code = |digits: &str, radix| u8::from_str_radix(digits, radix).ok();
    for (begin, end, len, radix) in [
        ("%", "", 2, 16),
        ("%u00", "", 2, 16),
        ("\\u00", "", 2, 16),
        ("\\x", "", 2, 16),
        ("&#x", ";", 2, 16),
        ("&#", ";", 2, 10),
        ("&#", ";", 3, 10),
    ] {
        let whole = begin.len() + len + end.len();
        let Some(last) = text.len().checked_sub(whole).map(|at| &text[at..]) else {
            continue;
        };
        let Ok(last) = std::str::from_utf8(last) else {
            continue;
        };
        let digits = last.strip_prefix(begin).and_then(|d| d.strip_suffix(end));
        let digits = digits.filter(|d| d.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| code(digits, radix)) {
            return Some((whole, byte));
        }
    }
    for (pair, byte) in [
        ("\\n", b'\n'),
        ("\\r", b'\r'),
        ("\\t", b'\t'),
        ("\\/", b'/'),
        ("\\\"", b'"'),
        ("\\\\", b'\\'),
    ] {
        if text.ends_with(pair.as_bytes()) {
            return Some((2, byte));
        }
    }
    None
}

/// Decodes each run of base64 that is long enough.
fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let joined: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b"\r\n".contains(b))
        .collect();
    let runs = joined
        .split(|byte| !is_letter(byte))
        .filter(|run| run.len() >= 24);
    runs.map(|run| {
        let run: String = run.iter().map(|b| char::from(*b)).collect();
        let run = run.replace('-', "+").replace('_', "/");
        let whole = run.len() / 4 * 4;
        STANDARD.decode(&run[..whole]).unwrap()
    })
    .collect()
}

/// Returns whether anything that stops a body stands in it.
fn slow(text: &[u8]) -> bool {
    let plain = unescape(text);
    let mut forms = decoded(&plain);
    forms.extend([text.to_vec(), plain]);
    forms.iter().any(|form| has_value(form) || has_token(form))
}

fn has_value(text: &[u8]) -> bool {
    let folded = fold(text);
    let in_folded = [SECRET, PLACEHOLDER, CANARY].iter().any(|value| {
        let mut own = vec![value.as_bytes().to_vec()];
        own.extend(encoded(value.as_bytes()));
        own.iter().any(|form| holds(&folded, &fold(form)))
    });
    let signs = SIGNS.as_bytes();
    let reversed: Vec<u8> = signs.iter().rev().copied().collect();
    let mut others = encoded(signs);
    others.retain(|form| fold(form).len() >= 10);
    in_folded
        || holds(text, signs)
        || holds(text, &reversed)
        || others.iter().any(|form| holds(&folded, &fold(form)))
}

fn has_token(text: &[u8]) -> bool {
    SHAPES.iter().any(|shape| {
        shape.prefixes.iter().any(|prefix| {
            (0..text.len()).any(|at| {
                let word = at == 0 || !text[at - 1].is_ascii_alphanumeric();
                let body = text[at..].strip_prefix(prefix.as_bytes());
                let body = body.and_then(|body| body.get(..shape.least));
                word && body.is_some_and(|body| {
                    let different: BTreeSet<&u8> = body.iter().collect();
                    body.iter().all(|byte| shape.letters.has(*byte))
                        && different.len() >= 8
                        && !holds(body, b"EXAMPLE")
                })
            })
        })
    })
}

/// A part of a text: a value or what is none, in some form.
fn part(dice: &mut Dice) -> String {
    let values = [SECRET, PLACEHOLDER, CANARY, SIGNS];
    let tokens = [
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "AKIAQ7W3E9R5T1Z8U2P4",
        "r8_0123456789abcdefghijABCDEFGHIJ0123456",
    ];
    let near = [
        NEIGHBOUR,
        "ghp_short",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-sk-ant-",
        "eyJ",
    ];
    let noise = [
        "a",
        "7",
        "\n",
        "%",
        "\\",
        "&",
        "%2",
        "\\u00",
        "&#",
        ";",
        "\"",
        "\\n",
        "\\\\",
        "/",
        "== ",
        "words of a text",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
    ];
    let text = match dice.below(20) {
        0 => dice.pick(&values),
        1 => dice.pick(&tokens),
        2 => dice.pick(&near),
        _ => return dice.pick(&noise).to_owned(),
    };
    // Sometimes it is not whole.
    let text = &text[..text.len() - usize::from(dice.below(3) == 0)];
    form(dice, text)
}

fn form(dice: &mut Dice, text: &str) -> String {
    let mut each = |form: fn(u8, usize) -> String| -> String {
        text.bytes().map(|byte| form(byte, dice.below(4))).collect()
    };
    match each(|_, number| number.to_string()).bytes().next() {
        Some(b'0') => each(|byte, some| match some {
            0 => format!("%{byte:02x}"),
            1 => format!("\\u{byte:04x}"),
            2 => format!("&#x{byte:02x};"),
            _ => char::from(byte).to_string(),
        }),
        Some(b'1') => each(|byte, some| format!("{}{}", char::from(byte), "\n".repeat(some))),
        Some(b'2') => STANDARD.encode(format!("{}{text} and words", dice.below(100))),
        _ => text.to_owned(),
    }
}

fn fast(detectors: &Detectors, text: &[u8], size: usize) -> bool {
    let pieces = text.chunks(size);
    match send(detectors, Content::default(), OnMatch::Block, pieces).1 {
        Ok(_) => false,
        Err(Stop::Match(_)) => true,
        Err(Stop::Unscannable(reason)) => panic!("{reason}"),
    }
}

#[test]
fn the_fast_scanner_finds_what_the_slow_one_finds() {
    let detectors = detectors();
    let mut dice = Dice(0x5eed);
    let mut stopped = 0;
    for number in 0..TEXTS {
        let parts: Vec<String> = (0..=dice.below(12)).map(|_| part(&mut dice)).collect();
        let text = parts.concat();
        let expected = slow(text.as_bytes());
        stopped += usize::from(expected);
        for size in [1, 1 + dice.below(40), 1 << 14] {
            let found = fast(&detectors, text.as_bytes(), size);
            assert_eq!(
                found, expected,
                "text {number} in pieces of {size}: {text:?}"
            );
        }
    }
    // Both answers are common, so that none of them is given always.
    assert!((TEXTS / 10..TEXTS * 9 / 10).contains(&stopped), "{stopped}");
}
