//! Answers in all forms of a secret, and their headers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::fixture::{NEIGHBOUR, SECRET, detectors, scrubbed};
use super::forms::each;
use crate::dlp::{Content, Detectors, Known, MARKER, Scrub};

fn scrub(text: &str) -> String {
    let whole = scrubbed(&detectors(), Content::default(), [text.as_bytes()]).unwrap();
    for size in [1, 3, 16] {
        let cut = scrubbed(
            &detectors(),
            Content::default(),
            text.as_bytes().chunks(size),
        );
        assert_eq!(cut.unwrap(), whole, "{text}");
    }
    String::from_utf8(whole).unwrap()
}

#[test]
fn each_form_is_replaced_and_no_neighbour() {
    let hex = |text: &str| each(text, |b| format!("{b:02x}"));
    let percent = |text: &str| each(text, |b| format!("%{b:02X}"));
    let escaped = |text: &str| each(text, |b| format!("\\u{b:04x}"));
    let forms: [&dyn Fn(&str) -> String; 10] = [
        &str::to_owned,
        &|s| STANDARD.encode(s),
        &|s| STANDARD.encode(format!("a{s}b")),
        &|s| STANDARD.encode(format!("ab{s}")),
        &|s| URL_SAFE_NO_PAD.encode(format!("ab?{s}")),
        &hex,
        &|s| hex(s).to_uppercase(),
        &percent,
        &escaped,
        &|s| format!("{{\"echo\": \"Bearer {s}\"}}"),
    ];
    for (at, form) in forms.iter().enumerate() {
        let out = scrub(&form(SECRET));
        assert!(out.contains(MARKER), "{at}: {out}");
        assert_eq!(scrub(&form(NEIGHBOUR)), form(NEIGHBOUR), "{at}");
    }
}

#[test]
fn events_are_not_held() {
    let mut scrub = Scrub::new(&detectors(), Content::default()).unwrap();
    for event in ["data: {\"text\": \"k9Xv\"}\n\n", "data: [DONE]\n\n"] {
        let out = scrub
            .push(bytes::Bytes::from_static(event.as_bytes()))
            .unwrap();
        assert_eq!(out, event);
    }
    assert!(!scrub.replaced() && !scrub.decodes());
}

#[test]
fn without_secrets_an_answer_passes_as_it_is() {
    let none = Detectors::new(&Known::default(), &[]).unwrap();
    let content = Content {
        content_encoding: Some("unheard-of"),
        ..Content::default()
    };
    assert_eq!(scrubbed(&none, content, [&b"abc"[..]]).unwrap(), b"abc");
    assert!(scrubbed(&detectors(), content, [&b"abc"[..]]).is_err());
}

#[test]
fn a_header_is_replaced_as_a_whole() {
    let detectors = detectors();
    let value = format!("token={SECRET}");
    let out = Scrub::header(&detectors, value.as_bytes()).unwrap();
    assert_eq!(out, format!("token={MARKER}").into_bytes());
    for value in [NEIGHBOUR, "k9Xv-3mQ7", ""] {
        assert_eq!(Scrub::header(&detectors, value.as_bytes()), None);
    }
}
