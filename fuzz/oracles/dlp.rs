//! Bodies that are looked through: what is found does not depend on how they are cut, nothing of a
//! secret's last byte passes, and what is taken out is gone.

use std::sync::OnceLock;

use bottle_sidecar::dlp::{
    Content, Detectors, Known, KnownValue, OnMatch, Place, RuleFile, Scrub, Stop, Stream,
};
use bytes::Bytes;

use crate::Outcome;

const SECRET: &str = "k9Xv-3mQ7_pL2wZ8rT5y";
const RULES: &str = r#"
[[rules]]
id = "acme"
regex = '''acme_([a-z0-9]{8,20})\b'''
keywords = ["acme_"]
entropy = 2.5
[[rules.allowlists]]
stopwords = ["example"]
"#;
const ENCODINGS: [Option<&str>; 6] = [
    None,
    Some("gzip"),
    Some("deflate"),
    Some("br"),
    Some("zstd"),
    Some("gzip, br"),
];

/// Sends a body in one piece and in many. The first two bytes say how it is encoded and cut.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let [how, size, body @ ..] = input else {
        return Outcome::Refused;
    };
    let encoding = ENCODINGS[usize::from(*how) % ENCODINGS.len()];
    let content = Content {
        content_encoding: encoding,
        content_type: (how & 64 != 0).then_some("multipart/form-data"),
    };
    let size = usize::from(*size).max(1);
    for on_match in [OnMatch::Block, OnMatch::Redact] {
        let (whole, whole_end) = send(content, on_match, body.chunks(body.len().max(1)));
        let (cut, cut_end) = send(content, on_match, body.chunks(size));
        // Where it is damaged and holds a match, either may come first.
        assert_eq!(whole_end.is_ok(), cut_end.is_ok(), "{on_match:?}");
        if whole_end.is_ok() {
            assert_eq!(whole, cut, "{on_match:?}");
            assert!(encoding.is_some() || !holds_secret(&cut), "{on_match:?}");
        }
        if on_match == OnMatch::Block {
            assert!(body.starts_with(&cut));
            // That it is cut off is known at its end only.
            let found = matches!(cut_end, Err(Stop::Match(_)));
            assert!(!found || cut.len() < body.len());
        }
    }
    let scrubbed = scrub(content, body.chunks(size));
    assert_eq!(scrubbed, scrub(content, body.chunks(body.len().max(1))));
    assert!(!scrubbed.is_some_and(|text| holds_secret(&text)));
    let (_, end) = send(content, OnMatch::Block, body.chunks(size));
    Outcome::of(end.ok())
}

fn detectors() -> &'static Detectors {
    static BUILT: OnceLock<Detectors> = OnceLock::new();
    BUILT.get_or_init(|| {
        let known = Known {
            secrets: vec![KnownValue::new("key", SECRET)],
            placeholders: vec![KnownValue::new("stand-in", "placeholder.7c1e9a44d0f2")],
            canary: Some(KnownValue::new("canary", "%$/\\!%4-=~;a1")),
        };
        Detectors::new(&known, &[RuleFile::new("rules", RULES)]).expect("the rules are good")
    })
}

/// Returns what arrives, and what stopped it.
fn send<'p>(
    content: Content<'_>,
    on_match: OnMatch,
    pieces: impl Iterator<Item = &'p [u8]>,
) -> (Vec<u8>, Result<(), Stop>) {
    let stream = Stream::new(detectors(), content, on_match, Place::Body);
    let mut stream = stream.expect("a known encoding");
    let mut out = Vec::new();
    for piece in pieces {
        match stream.push(Bytes::copy_from_slice(piece)) {
            Ok(passed) => out.extend(passed),
            Err(stop) => return (out, Err(stop)),
        }
    }
    match stream.finish() {
        Ok(passed) => out.extend(passed),
        Err(stop) => return (out, Err(stop)),
    }
    (out, Ok(()))
}

fn scrub<'p>(content: Content<'_>, pieces: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let mut scrub = Scrub::new(detectors(), content).expect("a known encoding");
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(scrub.push(Bytes::copy_from_slice(piece)).ok()?);
    }
    out.extend(scrub.finish().ok()?);
    Some(out)
}

fn holds_secret(text: &[u8]) -> bool {
    text.windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes())
}
