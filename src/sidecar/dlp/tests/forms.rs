//! Known values in each form, and what looks like them in the same form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::fixture::{
    CANARY, NEIGHBOUR, PLACEHOLDER, SECRET, SIGNS, detectors, found, scrubbed, send,
};
use crate::dlp::{Content, MARKER, OnMatch, Stop, Tier};

type Form = (&'static str, fn(&str) -> String);

/// Writes each byte of a text in its own way.
pub(super) fn each(text: &str, form: impl Fn(u8) -> String) -> String {
    let parts: Vec<String> = text.bytes().map(form).collect();
    parts.concat()
}

fn base32(text: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = each(text, |byte| format!("{byte:08b}"));
    let groups = bits.as_bytes().chunks(5);
    let number = |group: &[u8]| {
        let padded = format!("{:0<5}", std::str::from_utf8(group).unwrap());
        usize::from_str_radix(&padded, 2).unwrap()
    };
    groups
        .map(|group| char::from(letters[number(group)]))
        .collect()
}

/// Each form in which a body must not hold a secret.
const FORMS: [Form; 34] = [
    ("as it is", str::to_owned),
    ("base64", |s| STANDARD.encode(s)),
    ("base64 without padding", |s| STANDARD_NO_PAD.encode(s)),
    ("base64, second place", |s| STANDARD.encode(format!("u{s}"))),
    ("base64, third place", |s| {
        STANDARD.encode(format!("u:{s}::"))
    }),
    ("base64url", |s| URL_SAFE.encode(format!("?{s}>"))),
    ("base64url without padding", |s| URL_SAFE_NO_PAD.encode(s)),
    ("base64 in lines", |s| {
        let encoded = STANDARD.encode(s);
        let lines: Vec<&[u8]> = encoded.as_bytes().chunks(7).collect();
        String::from_utf8(lines.join(
            &b"
"[..],
        ))
        .unwrap()
    }),
    ("base64 twice", |s| {
        STANDARD.encode(STANDARD.encode(format!("a longer text with {s}")))
    }),
    ("base32", base32),
    ("base32, another place", |s| base32(&format!("abc{s}"))),
    ("base32 in lower case", |s| base32(s).to_lowercase()),
    ("hex", |s| each(s, |b| format!("{b:02x}"))),
    ("hex in upper case", |s| each(s, |b| format!("{b:02X}"))),
    ("hex with colons", |s| each(s, |b| format!("{b:02x}:"))),
    ("hex with spaces", |s| each(s, |b| format!("{b:02X} "))),
    ("percent signs", |s| each(s, |b| format!("%{b:02x}"))),
    ("percent signs on some", |s| {
        s.replace('X', "%58").replace('7', "%37")
    }),
    ("percent signs twice", |s| {
        each(s, |b| format!("%25{b:02X}"))
    }),
    ("percent signs for the last", |s| {
        format!("{}%{:02x}", &s[..s.len() - 1], s.as_bytes()[s.len() - 1])
    }),
    ("wide percent signs", |s| each(s, |b| format!("%u{b:04x}"))),
    ("escapes of JSON", |s| each(s, |b| format!("\\u{b:04x}"))),
    ("some escapes of JSON", |s| {
        s.replace('v', "\\u0076").replace('L', "\\u004C")
    }),
    ("escapes in a string in a string", |s| {
        each(s, |b| format!("\\\\u{b:04x}"))
    }),
    ("escapes of programs", |s| {
        each(s, |b| format!("\\x{b:02x}"))
    }),
    ("decimal references", |s| each(s, |b| format!("&#{b};"))),
    ("hexadecimal references", |s| {
        each(s, |b| format!("&#x{b:X};"))
    }),
    ("reversed", |s| s.chars().rev().collect()),
    ("one on each line", |s| {
        each(s, |b| format!("{}\n", char::from(b)))
    }),
    ("with dots", |s| each(s, |b| format!("{}.", char::from(b)))),
    ("with spaces", |s| {
        each(s, |b| format!("{}   ", char::from(b)))
    }),
    ("as strings that are added", |s| {
        each(s, |b| format!("\"{}\" + ", char::from(b)))
    }),
    ("in upper case", str::to_uppercase),
    ("as a form", |s| {
        format!("a=1&key={}&b=2", s.replace('-', "%2D"))
    }),
];

#[test]
fn each_form_of_a_value_is_found_and_no_neighbour() {
    let detectors = detectors();
    for (value, name) in [
        (SECRET, "api-key"),
        (PLACEHOLDER, "stand-in"),
        (CANARY, "canary"),
    ] {
        for (form, encode) in FORMS {
            let body = |value: &str| format!("{{\"text\": \"{} and more\"}}", encode(value));
            assert_eq!(
                found(&detectors, body(value).as_bytes()).as_deref(),
                Some(name),
                "{form}"
            );
            // The neighbour differs in the last place, or for the reversed one in the first.
            let mut neighbour = value.to_owned();
            neighbour.replace_range(
                8..9,
                if value.as_bytes()[8] == b'j' {
                    "k"
                } else {
                    "j"
                },
            );
            assert_eq!(
                found(&detectors, body(&neighbour).as_bytes()),
                None,
                "{form}"
            );
        }
    }
}

#[test]
fn the_first_and_the_last_letter_count() {
    let detectors = detectors();
    for body in [
        &SECRET[1..],
        &SECRET[..SECRET.len() - 1],
        "k9Xv-3mQ7_pL2wZ8rT5x",
    ] {
        assert_eq!(found(&detectors, body.as_bytes()), None, "{body}");
        assert!(found(&detectors, format!("{body} {SECRET}").as_bytes()).is_some());
    }
}

#[test]
fn a_value_of_signs_is_found_as_it_is_and_reversed() {
    let detectors = detectors();
    let reversed: String = SIGNS.chars().rev().collect();
    for body in [SIGNS, &reversed, &format!("x{SIGNS}x")] {
        assert_eq!(
            found(&detectors, body.as_bytes()).as_deref(),
            Some("signs"),
            "{body}"
        );
        let half = &body[..body.len() / 2];
        assert_eq!(found(&detectors, half.as_bytes()), None);
    }
}

#[test]
fn a_short_value_is_no_matter_of_bodies() {
    assert_eq!(found(&detectors(), b"the pin 4q7z1 is here"), None);
}

#[test]
fn quoted_printable_is_undone_in_mail() {
    let detectors = detectors();
    let body = |value: &str| {
        let text = each(value, |b| format!("={b:02X}"));
        format!(
            "--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}=\r\n{}\r\n--x--",
            &text[..30],
            &text[30..]
        )
    };
    let content = Content {
        content_type: Some("multipart/form-data; boundary=x"),
        ..Content::default()
    };
    let end = |body: String| send(&detectors, content, OnMatch::Block, [body.as_bytes()]).1;
    assert!(matches!(end(body(SECRET)), Err(Stop::Match(f)) if f.tier == Tier::Secret));
    assert!(end(body(NEIGHBOUR)).is_ok());
}

#[test]
fn what_stands_whole_is_replaced() {
    let detectors = detectors();
    for form in [
        "as it is",
        "hex",
        "hex in upper case",
        "percent signs",
        "escapes of JSON",
    ] {
        let (_, encode) = FORMS.iter().find(|(name, _)| *name == form).unwrap();
        let body = |value: &str| format!("before {value} after");
        let (out, end) = send(
            &detectors,
            Content::default(),
            OnMatch::Redact,
            [body(&encode(SECRET)).as_bytes()],
        );
        assert_eq!(
            (String::from_utf8(out).unwrap(), end),
            (body(MARKER), Ok(vec![])),
            "{form}"
        );
        let untouched = body(&encode(NEIGHBOUR));
        let (out, end) = send(
            &detectors,
            Content::default(),
            OnMatch::Redact,
            [untouched.as_bytes()],
        );
        assert_eq!(
            (String::from_utf8(out).unwrap(), end),
            (untouched, Ok(vec![])),
            "{form}"
        );
    }
}

#[test]
fn what_cannot_be_replaced_stops() {
    let detectors = detectors();
    for form in [
        "with dots",
        "percent signs on some",
        "one on each line",
        "in upper case",
    ] {
        let (_, encode) = FORMS.iter().find(|(name, _)| *name == form).unwrap();
        let end = |value| {
            send(
                &detectors,
                Content::default(),
                OnMatch::Redact,
                [encode(value).as_bytes()],
            )
            .1
        };
        assert!(matches!(end(SECRET), Err(Stop::Match(_))), "{form}");
        assert!(end(NEIGHBOUR).is_ok(), "{form}");
    }
}

#[test]
fn answers_lose_secrets_only() {
    let detectors = detectors();
    let text = format!("{SECRET} {PLACEHOLDER} {CANARY} {NEIGHBOUR}");
    let out = scrubbed(&detectors, Content::default(), [text.as_bytes()]).unwrap();
    let expected = format!("{MARKER} {PLACEHOLDER} {CANARY} {NEIGHBOUR}");
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
