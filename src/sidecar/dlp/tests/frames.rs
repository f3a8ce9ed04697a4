//! WebSocket messages.

use bytes::Bytes;

use super::fixture::{NEIGHBOUR, SECRET, with_rules};
use crate::dlp::{Frames, Place, Stop, Tier};

const RULES: &str =
    "[[rules]]\nid = \"acme\"\nregex = '''acme_[a-z0-9]{8}'''\nkeywords = [\"acme\"]\n";

/// Sends messages, each of fragments, and returns how many fragments passed.
fn send(messages: &[&[&str]]) -> (usize, Option<Stop>) {
    let mut frames = Frames::new(&with_rules(RULES)).unwrap();
    let mut passed = 0;
    for message in messages {
        for fragment in *message {
            if let Err(stop) = frames.push(Bytes::copy_from_slice(fragment.as_bytes())) {
                return (passed, Some(stop));
            }
            passed += 1;
        }
        if let Err(stop) = frames.end_message() {
            return (passed, Some(stop));
        }
    }
    (passed, None)
}

#[test]
fn a_value_is_found_across_fragments_and_messages() {
    let (a, b) = SECRET.split_at(7);
    let (c, d) = NEIGHBOUR.split_at(7);
    let cases: [[&[&[&str]]; 2]; 3] = [
        [&[&[a, b]], &[&[c, d]]],
        [&[&[a], &[b]], &[&[c], &[d]]],
        [
            &[&["{\"k\": \"", a, b, "\"}"]],
            &[&["{\"k\": \"", c, d, "\"}"]],
        ],
    ];
    for [bad, good] in cases {
        let (passed, stop) = send(bad);
        let Some(Stop::Match(finding)) = stop else {
            panic!("{bad:?}");
        };
        assert_eq!((finding.tier, finding.place), (Tier::Secret, Place::Frame));
        assert!(passed < bad.iter().map(|message| message.len()).sum());
        assert_eq!(send(good).1, None);
    }
}

#[test]
fn a_rule_decides_at_once() {
    let (passed, stop) = send(&[&["hello"], &["acme_01234567"]]);
    assert!(matches!(stop, Some(Stop::Match(_))));
    assert_eq!(passed, 1);
    assert_eq!(send(&[&["hello"], &["acme_0123456"], &["7 acme"]]).1, None);
}
