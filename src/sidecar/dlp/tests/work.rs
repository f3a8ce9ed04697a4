//! The work grows with the body and no faster, whatever the body is made to cost.

use std::fmt::Write as _;

use super::fixture::with_rules;
use crate::dlp::text::{Mail, Text};
use crate::limits::{DLP_CREDIT, DLP_FIRST_CREDIT, DLP_OVERLAP_BYTES, DLP_WINDOW_BYTES};

/// How many rules there are, all with the same keyword.
const RULES: usize = 40;

fn rules() -> String {
    let mut text = String::new();
    for at in 0..RULES {
        writeln!(
            text,
            "[[rules]]\nid = \"r{at}\"\nregex = '''key{at}_[a-z]{{30}}'''\nkeywords = [\"key\"]"
        )
        .unwrap();
    }
    text
}

/// Returns the bytes that rules search for a body of keywords in pieces of this size.
fn work(len: usize, size: usize) -> usize {
    let detectors = with_rules(&rules());
    let body = b"key ".repeat(len / 4);
    let mut text = Text::new(&detectors.0, Mail::No);
    for piece in body.chunks(size) {
        assert!(text.push(&detectors.0, piece).is_none());
    }
    assert!(text.finish(&detectors.0).is_none());
    text.work()
}

#[test]
fn rules_search_each_byte_a_bounded_number_of_times() {
    let windows = |len: usize| {
        let count = len.div_ceil(DLP_WINDOW_BYTES) + 1;
        count * (DLP_WINDOW_BYTES + DLP_OVERLAP_BYTES + 1) * RULES
    };
    for len in [32 << 10, 128 << 10] {
        for size in [4, 100, 16 << 10] {
            let bound = windows(len) + DLP_FIRST_CREDIT + len * DLP_CREDIT;
            let done = work(len, size);
            assert!(done <= bound, "{len} in {size}: {done} of {bound}");
            assert!(done >= len * RULES, "{len} in {size}: {done}");
        }
    }
}

#[test]
fn what_is_kept_of_a_stream_is_bounded() {
    use crate::dlp::{Content, OnMatch, Place, Stream};
    let detectors = with_rules(&rules());
    let mut stream =
        Stream::new(&detectors, Content::default(), OnMatch::Block, Place::Body).unwrap();
    let mut ahead = 0;
    for _ in 0..20_000 {
        // A keyword in each piece, and too many pieces to look at each.
        let passed = stream.push(bytes::Bytes::from_static(b"key0_ab ")).unwrap();
        ahead += 8;
        ahead -= passed.len();
        assert!(ahead <= DLP_WINDOW_BYTES + 8, "{ahead}");
    }
}
