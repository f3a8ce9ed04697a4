//! What is found and what arrives does not depend on how a body is cut into pieces.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::fixture::{NEIGHBOUR, PLACEHOLDER, SECRET, SIGNS, scrubbed, send, with_rules};
use crate::dlp::{Content, Detectors, MARKER, OnMatch, Stop};

const RULES: &str = r#"
[[rules]]
id = "acme"
regex = '''acme_([a-z0-9]{8,20})\b'''
keywords = ["acme_"]
entropy = 2.5
[[rules.allowlists]]
stopwords = ["example"]
"#;

/// A body of parts that mean something.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(SECRET.to_owned()),
        Just(NEIGHBOUR.to_owned()),
        Just(PLACEHOLDER.to_owned()),
        Just(SIGNS.to_owned()),
        Just(SECRET[..9].to_owned()),
        Just(SECRET[9..].to_owned()),
        Just("k9Xv%2d3mQ7\\u005fpL2wZ8rT5y".to_owned()),
        Just("azlYdi0zbVE3X3BMMndaOHJUNXk=".to_owned()),
        Just("ghp_0123456789abcdefghijABCDEFGHIJ012345".to_owned()),
        Just("acme_q8w7e6r5t4".to_owned()),
        Just("acme_q8w7example".to_owned()),
        Just("%2".to_owned()),
        Just("\\u00".to_owned()),
        "[ -~]{0,20}",
        "[a-z \n]{0,300}",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes())
}

fn cut<'b>(body: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    at.push(body.len());
    at.sort_unstable();
    let mut from = 0;
    at.into_iter()
        .map(|until| {
            let piece = &body[from..until];
            from = until;
            piece
        })
        .collect()
}

/// The verdict without what was found first: several may be.
fn stops(end: &Result<Vec<crate::dlp::Finding>, Stop>) -> bool {
    match end {
        Ok(_) => false,
        Err(Stop::Match(_)) => true,
        Err(Stop::Unscannable(reason)) => panic!("{reason}"),
    }
}

fn single(body: &[u8]) -> Vec<&[u8]> {
    body.chunks(1).collect()
}

/// The detectors, built once: a body takes less than they do.
fn detectors() -> Detectors {
    static BUILT: OnceLock<Detectors> = OnceLock::new();
    BUILT.get_or_init(|| with_rules(RULES)).clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_block_is_the_same_for_any_pieces(body in body(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let detectors = detectors();
        let run = |pieces: Vec<&[u8]>| send(&detectors, Content::default(), OnMatch::Block, pieces);
        let (out, whole) = run(vec![&body]);
        let stopped = stops(&whole);
        prop_assert!(stopped || out == body);
        for pieces in [cut(&body, &cuts), single(&body)] {
            let (out, end) = run(pieces);
            prop_assert_eq!(stops(&end), stopped);
            // What arrives is the beginning, and less than all when something was found.
            prop_assert!(body.starts_with(&out));
            prop_assert_eq!(out.len() < body.len(), stopped && !body.is_empty());
        }
    }

    #[test]
    fn a_redaction_is_the_same_for_any_pieces(body in body(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let detectors = detectors();
        let run = |pieces: Vec<&[u8]>| send(&detectors, Content::default(), OnMatch::Redact, pieces);
        let (out, whole) = run(vec![&body]);
        for pieces in [cut(&body, &cuts), single(&body)] {
            let (other, end) = run(pieces);
            prop_assert_eq!(stops(&end), stops(&whole));
            if !stops(&whole) {
                prop_assert_eq!(String::from_utf8_lossy(&other), String::from_utf8_lossy(&out));
            }
        }
    }

    #[test]
    fn an_answer_is_the_same_for_any_pieces(body in body(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let detectors = detectors();
        let whole = scrubbed(&detectors, Content::default(), [&body[..]]).unwrap();
        prop_assert!(!whole.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
        for pieces in [cut(&body, &cuts), single(&body)] {
            prop_assert_eq!(&scrubbed(&detectors, Content::default(), pieces).unwrap(), &whole);
        }
        if !String::from_utf8_lossy(&whole).contains(MARKER) {
            prop_assert_eq!(whole, body);
        }
    }
}

#[test]
fn nothing_of_the_last_byte_passes() {
    let detectors = detectors();
    for value in [
        SECRET,
        SIGNS,
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "acme_q8w7e6r5t4",
    ] {
        let body = format!("some text before {value}");
        let (out, end) = send(
            &detectors,
            Content::default(),
            OnMatch::Block,
            single(body.as_bytes()),
        );
        assert!(matches!(end, Err(Stop::Match(_))), "{value}");
        assert!(
            out.len() < body.len() && out.len() >= 17,
            "{value}: {}",
            out.len()
        );
    }
}

#[test]
fn text_without_matches_is_never_held() {
    let detectors = detectors();
    let mut stream = crate::dlp::Stream::new(
        &detectors,
        Content::default(),
        OnMatch::Block,
        crate::dlp::Place::Body,
    )
    .unwrap();
    for piece in [
        "data: {\"a\": 1}\n\n",
        "k9Xv-3mQ7",
        "acme_",
        "acme_q8w7example",
        " %",
        "\\u00",
    ] {
        let passed = stream
            .push(bytes::Bytes::from_static(piece.as_bytes()))
            .unwrap();
        assert_eq!(passed, piece.as_bytes());
    }
}
