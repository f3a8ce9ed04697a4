//! The forms that a known value is looked for in.

/// The letters of base64 and base64url; they differ in the last two.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";
const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Returns the forms in which a value stands whole: what can be cut out and replaced.
pub(super) fn contiguous(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![
        value.to_vec(),
        hex(value, HEX_LOWER),
        hex(value, HEX_UPPER),
        percent(value, HEX_UPPER, is_unreserved),
        percent(value, HEX_LOWER, is_unreserved),
        percent(value, HEX_UPPER, |_| false),
        percent(value, HEX_LOWER, |_| false),
        plus_for_space(value),
        json(value, is_printable),
        json_with_slashes(value),
        json(value, |_| false),
    ];
    for before in 0..3 {
        forms.push(inside(value, before, 6, BASE64));
        forms.push(inside(value, before, 6, BASE64_URL));
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Returns the encoded forms as they are when separators are left out and letters are lower-case;
/// the value itself is not among them.
pub(super) fn encoded(value: &[u8]) -> Vec<Vec<u8>> {
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    let mut forms = vec![hex(value, HEX_LOWER), reversed];
    forms.extend((0..3).map(|before| inside(value, before, 6, BASE64)));
    forms.extend((0..5).map(|before| inside(value, before, 5, BASE32)));
    forms
}

/// Encodes in groups of bits, and leaves out at both ends what depends on the neighbours: so it is
/// the same wherever the value stands. `before` is the number of bytes before it in its group.
fn inside(value: &[u8], before: usize, bits: usize, alphabet: &[u8]) -> Vec<u8> {
    let skipped = (before * 8).div_ceil(bits);
    let whole = (before + value.len()) * 8 / bits;
    (skipped..whole)
        .filter_map(|at| {
            let number = (at * bits..(at + 1) * bits).fold(0_usize, |number, bit| {
                number << 1 | bit_of(value, bit.saturating_sub(before * 8))
            });
            alphabet.get(number).copied()
        })
        .collect()
}

fn bit_of(value: &[u8], bit: usize) -> usize {
    let byte = value.get(bit / 8).copied().unwrap_or_default();
    usize::from(byte >> (7 - bit % 8) & 1)
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value.iter().flat_map(|byte| pair(*byte, digits)).collect()
}

fn pair(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |number: u8| digits.get(usize::from(number)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 15)]
}

fn percent(value: &[u8], digits: &[u8; 16], kept: fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in value {
        if kept(*byte) {
            out.push(*byte);
        } else {
            out.push(b'%');
            out.extend(pair(*byte, digits));
        }
    }
    out
}

/// As a form field: percent, and a plus for each space.
fn plus_for_space(value: &[u8]) -> Vec<u8> {
    let encoded = percent(value, HEX_UPPER, |byte| is_unreserved(byte) || byte == b' ');
    encoded
        .into_iter()
        .map(|byte| if byte == b' ' { b'+' } else { byte })
        .collect()
}

/// As a JSON string, without its quotes. What is not kept becomes `\u…`.
fn json(value: &[u8], kept: fn(u8) -> bool) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(value) else {
        return value.to_vec();
    };
    let mut out = Vec::new();
    for letter in text.chars() {
        match letter {
            '"' | '\\' if kept(b'"') => out.extend([b'\\', letter as u8]),
            '\n' if kept(b' ') => out.extend(b"\\n"),
            '\r' if kept(b' ') => out.extend(b"\\r"),
            '\t' if kept(b' ') => out.extend(b"\\t"),
            letter if letter.is_ascii() && !kept(letter as u8) => {
                out.extend(b"\\u00");
                out.extend(pair(letter as u8, HEX_LOWER));
            }
            letter => out.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// The same with `\/`, as some encoders write it.
fn json_with_slashes(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in json(value, is_printable) {
        if byte == b'/' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn is_in(form: &[u8], text: &str) -> bool {
        text.as_bytes().windows(form.len()).any(|part| part == form)
    }

    #[test]
    fn what_is_inside_of_base64_is_found_at_any_place() {
        let value = b"\xff\xfe s3cr3t-value\x7f";
        for before in 0..7_usize {
            for after in 0..4_usize {
                let text = [&vec![0xa5; before][..], value, &vec![0x5a; after]].concat();
                let form = inside(value, before % 3, 6, BASE64);
                assert!(form.len() >= 20);
                assert!(is_in(&form, &STANDARD.encode(&text)), "{before} {after}");
                let form = inside(value, before % 3, 6, BASE64_URL);
                assert!(is_in(&form, &URL_SAFE_NO_PAD.encode(&text)));
                let other = inside(value, (before + 1) % 3, 6, BASE64);
                assert!(!is_in(&other, &STANDARD.encode(&text)));
            }
        }
    }

    #[test]
    fn base32_is_as_its_rfc_has_it() {
        assert_eq!(inside(b"foobar", 0, 5, BASE32), b"MZXW6YTBO");
    }

    #[test]
    fn forms_are_as_others_write_them() {
        let forms = contiguous(b"a/b \"c\"+");
        for form in [
            "a/b \"c\"+",
            "612f622022632 22b".replace(' ', "").as_str(),
            "612F62202263222B",
            "a%2Fb%20%22c%22%2B",
            "a%2fb%20%22c%22%2b",
            "a%2Fb+%22c%22%2B",
            "%61%2F%62%20%22%63%22%2B",
            "a/b \\\"c\\\"+",
            "a\\/b \\\"c\\\"+",
            "\\u0061\\u002f\\u0062\\u0020\\u0022\\u0063\\u0022\\u002b",
        ] {
            assert!(forms.contains(&form.as_bytes().to_vec()), "{form}");
        }
    }
}
