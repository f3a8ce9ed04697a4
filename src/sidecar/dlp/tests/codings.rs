//! Bodies with content encodings: whole and broken ones, and bombs.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::fixture::{NEIGHBOUR, SECRET, detectors, found, scrubbed, send};
use crate::dlp::{Content, MARKER, OnMatch, Stop, Unscannable};

const SECRET_BR: &[u8] = include_bytes!("data/secret.br");
const SECRET_ZSTD: &[u8] = include_bytes!("data/secret.zst");
const NEIGHBOUR_BR: &[u8] = include_bytes!("data/neighbour.br");
const NEIGHBOUR_ZSTD: &[u8] = include_bytes!("data/neighbour.zst");

/// The text that is encoded in `data/`.
fn text(value: &str) -> Vec<u8> {
    let line = |at| match at {
        150 => format!("line {at} holds {value}\n"),
        _ => format!("line {at} holds nothing but words\n"),
    };
    (0..300).map(line).collect::<String>().into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Each encoding: its name, the text with the secret, and with its neighbour.
fn encodings() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let of = |name, encode: fn(&[u8]) -> Vec<u8>| {
        (name, encode(&text(SECRET)), encode(&text(NEIGHBOUR)))
    };
    vec![
        of("gzip", gzip),
        of("x-gzip", gzip),
        of("GZIP", gzip),
        of("deflate", zlib),
        of("deflate", deflate),
        of("gzip, identity, gzip", |text| gzip(&gzip(text))),
        of("deflate,gzip", |text| gzip(&zlib(text))),
        of("gzip", |text| {
            [gzip(&text[..100]), gzip(&text[100..])].concat()
        }),
        ("br", SECRET_BR.to_vec(), NEIGHBOUR_BR.to_vec()),
        ("zstd", SECRET_ZSTD.to_vec(), NEIGHBOUR_ZSTD.to_vec()),
    ]
}

fn coded(name: &str) -> Content<'_> {
    Content {
        content_encoding: Some(name),
        ..Content::default()
    }
}

#[test]
fn encoded_bodies_are_looked_into_and_pass_unchanged() {
    let detectors = detectors();
    for (name, secret, neighbour) in encodings() {
        for size in [1, 7, usize::MAX] {
            let run = |body: &[u8], on_match| {
                let pieces: Vec<&[u8]> = body.chunks(size.min(body.len())).collect();
                send(&detectors, coded(name), on_match, pieces)
            };
            let (out, end) = run(&secret, OnMatch::Block);
            assert!(matches!(end, Err(Stop::Match(_))), "{name}: {end:?}");
            assert!(out.len() < secret.len(), "{name}");
            assert!(
                matches!(run(&secret, OnMatch::Redact).1, Err(Stop::Match(_))),
                "{name}"
            );
            let (out, end) = run(&neighbour, OnMatch::Block);
            assert_eq!((out, end), (neighbour.clone(), Ok(vec![])), "{name}");
        }
    }
}

#[test]
fn encoded_answers_come_out_decoded() {
    let detectors = detectors();
    for (name, secret, neighbour) in encodings() {
        for size in [1, 100, usize::MAX] {
            let out = |body: &[u8]| {
                scrubbed(&detectors, coded(name), body.chunks(size.min(body.len()))).unwrap()
            };
            assert_eq!(out(&secret), text(MARKER), "{name}");
            assert_eq!(out(&neighbour), text(NEIGHBOUR), "{name}");
        }
    }
}

#[test]
fn what_is_packed_without_a_word_is_looked_into() {
    let detectors = detectors();
    for (secret, neighbour) in [
        (gzip(&text(SECRET)), gzip(&text(NEIGHBOUR))),
        (SECRET_ZSTD.to_vec(), NEIGHBOUR_ZSTD.to_vec()),
    ] {
        assert!(found(&detectors, &secret).is_some());
        assert_eq!(found(&detectors, &neighbour), None);
        // What only begins like it passes.
        assert_eq!(
            found(
                &detectors,
                &[&neighbour[..8], b"and then something else"].concat()
            ),
            None
        );
    }
}

#[test]
fn what_stands_in_a_header_of_gzip_is_found() {
    let detectors = detectors();
    let with_comment = |value: &str| {
        let mut builder = flate2::GzBuilder::new()
            .comment(value)
            .filename("a")
            .extra(vec![1, 2]);
        builder = builder.mtime(7);
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(b"words").unwrap();
        encoder.finish().unwrap()
    };
    let end = |body: Vec<u8>| send(&detectors, coded("gzip"), OnMatch::Block, [&body[..]]).1;
    assert!(matches!(end(with_comment(SECRET)), Err(Stop::Match(_))));
    assert!(end(with_comment(NEIGHBOUR)).is_ok());
}

#[track_caller]
fn unscannable(content: Content<'_>, body: &[u8], expected: &Unscannable) {
    let detectors = detectors();
    let (_, end) = send(&detectors, content, OnMatch::Block, body.chunks(1000));
    assert_eq!(end, Err(Stop::Unscannable(expected.clone())));
    let end = scrubbed(&detectors, content, body.chunks(1000));
    assert_eq!(end, Err(Stop::Unscannable(expected.clone())));
}

#[test]
fn what_cannot_be_decoded_says_why() {
    unscannable(
        coded("lzma"),
        b"x",
        &Unscannable::Encoding("lzma".to_owned()),
    );
    unscannable(
        coded("gzip,gzip,gzip,gzip"),
        b"x",
        &Unscannable::Encodings(4),
    );
    for (name, _, neighbour) in encodings()
        .into_iter()
        .filter(|(name, _, _)| !name.contains([',', 'x', 'G']))
    {
        let damaged = Unscannable::Damaged(
            ["gzip", "deflate", "br", "zstd"]
                .into_iter()
                .find(|n| *n == name)
                .unwrap(),
        );
        let cut_off = &neighbour[..neighbour.len() - 9];
        unscannable(coded(name), cut_off, &damaged);
        unscannable(coded(name), &[&neighbour[..], b"\0more"].concat(), &damaged);
        unscannable(coded(name), b"this is not encoded at all", &damaged);
    }
}

#[test]
fn bombs_are_bounded() {
    let zeros = gzip(&vec![0; 16 << 20]);
    unscannable(coded("gzip"), &zeros, &Unscannable::Ratio("gzip"));
    unscannable(
        coded("br"),
        include_bytes!("data/zeros.br"),
        &Unscannable::Ratio("br"),
    );
    unscannable(
        coded("zstd"),
        include_bytes!("data/zeros.zst"),
        &Unscannable::Ratio("zstd"),
    );
    // Few zeros are no bomb.
    let detectors = detectors();
    let few = gzip(&vec![0; 1 << 20]);
    assert!(
        send(&detectors, coded("gzip"), OnMatch::Block, [&few[..]])
            .1
            .is_ok()
    );
}

#[test]
fn large_windows_are_refused() {
    unscannable(
        coded("br"),
        include_bytes!("data/window.br"),
        &Unscannable::Memory("br"),
    );
    unscannable(
        coded("zstd"),
        include_bytes!("data/window.zst"),
        &Unscannable::Memory("zstd"),
    );
}

#[test]
fn decoders_share_their_memory() {
    let detectors = detectors();
    let begin = || {
        crate::dlp::Stream::new(
            &detectors,
            coded("zstd"),
            OnMatch::Block,
            crate::dlp::Place::Body,
        )
    };
    let mut streams = Vec::new();
    let refused = loop {
        match begin() {
            Ok(stream) => streams.push(stream),
            Err(reason) => break reason,
        }
    };
    assert_eq!((refused, streams.len()), (Unscannable::Memory("zstd"), 11));
    streams.pop();
    assert!(begin().is_ok());
}

#[test]
fn an_empty_body_is_whole_in_any_encoding() {
    let detectors = detectors();
    for name in ["gzip", "deflate", "br", "zstd", "identity", ""] {
        assert!(
            send(&detectors, coded(name), OnMatch::Block, []).1.is_ok(),
            "{name}"
        );
    }
}

#[test]
fn what_could_not_be_scanned_can_be_had_back() {
    let detectors = detectors();
    let mut stream = crate::dlp::Stream::new(
        &detectors,
        coded("gzip"),
        OnMatch::Block,
        crate::dlp::Place::Body,
    )
    .unwrap();
    assert!(stream.push(bytes::Bytes::from_static(b"not gzip")).is_err());
    assert_eq!(stream.into_held(), &b"not gzip"[..]);
}
