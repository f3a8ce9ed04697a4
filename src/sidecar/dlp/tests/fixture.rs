//! A bottle with a secret, and ways to send something out of it.

use bytes::Bytes;

use crate::dlp::{
    Content, Detectors, Finding, Known, KnownValue, OnMatch, Place, RuleFile, Scrub, Stop, Stream,
};

/// The secret of the bottle.
pub(super) const SECRET: &str = "k9Xv-3mQ7_pL2wZ8rT5y";
/// What looks like it and is none.
pub(super) const NEIGHBOUR: &str = "k9Xv-3mQ7_pM2wZ8rT5y";
/// What stands for the secret in the bottle.
pub(super) const PLACEHOLDER: &str = "placeholder.7c1e9a44d0f2";
/// The canary.
pub(super) const CANARY: &str = "canary+b4d0e8f1a6c35792";
/// A secret with hardly a letter.
pub(super) const SIGNS: &str = "%$/\\!%4-=~;a1";

/// Returns the detectors of the bottle.
pub(super) fn detectors() -> Detectors {
    with_rules("")
}

/// Returns the detectors with rules on top.
pub(super) fn with_rules(rules: &str) -> Detectors {
    let known = Known {
        secrets: vec![
            KnownValue::new("api-key", SECRET),
            KnownValue::new("signs", SIGNS),
            KnownValue::new("pin", "4q7z1"),
        ],
        placeholders: vec![KnownValue::new("stand-in", PLACEHOLDER)],
        canary: Some(KnownValue::new("canary", CANARY)),
    };
    let files = [RuleFile::new("rules.toml", rules)];
    Detectors::new(&known, &files).unwrap_or_else(|error| panic!("{error}"))
}

/// Sends pieces as a body, and returns what arrives and how it ends.
pub(super) fn send<'p>(
    detectors: &Detectors,
    content: Content<'_>,
    on_match: OnMatch,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<u8>, Result<Vec<Finding>, Stop>) {
    let mut out = Vec::new();
    let mut stream = match Stream::new(detectors, content, on_match, Place::Body) {
        Ok(stream) => stream,
        Err(reason) => return (out, Err(Stop::Unscannable(reason))),
    };
    for piece in pieces {
        match stream.push(Bytes::copy_from_slice(piece)) {
            Ok(passed) => out.extend(passed),
            Err(stop) => {
                // It stays stopped.
                assert_eq!(stream.push(Bytes::from_static(b"x")), Err(stop.clone()));
                assert_eq!(stream.finish(), Err(stop.clone()));
                return (out, Err(stop));
            }
        }
    }
    match stream.finish() {
        Ok(passed) => out.extend(passed),
        Err(stop) => return (out, Err(stop)),
    }
    (out, Ok(stream.take_reports()))
}

/// Sends a body in one piece, and returns the name of what is found.
pub(super) fn found(detectors: &Detectors, body: &[u8]) -> Option<String> {
    let (out, end) = send(detectors, Content::default(), OnMatch::Block, [body]);
    match end {
        Ok(_) => {
            assert_eq!(out, body, "what passes is not changed");
            None
        }
        Err(Stop::Match(finding)) => Some(finding.detector),
        Err(Stop::Unscannable(reason)) => panic!("{reason}"),
    }
}

/// Takes secrets out of an answer, and returns what is left.
pub(super) fn scrubbed<'p>(
    detectors: &Detectors,
    content: Content<'_>,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Vec<u8>, Stop> {
    let mut scrub = Scrub::new(detectors, content).map_err(Stop::Unscannable)?;
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(scrub.push(Bytes::copy_from_slice(piece))?);
    }
    out.extend(scrub.finish()?);
    Ok(out)
}
