//! What an agent sends, looked through as it passes.

use bytes::Bytes;

use super::detectors::Detectors;
use super::finding::{Finding, Place, Tier};
use super::stop::{Stop, Unscannable};

/// What the head says about a body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content<'a> {
    /// The value of `content-encoding`, its lines joined with commas.
    pub content_encoding: Option<&'a str>,
    /// The value of `content-type`.
    pub content_type: Option<&'a str>,
}

/// What a match does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMatch {
    /// The stream stops before the last byte of the match.
    Block,
    /// The match is replaced where it stands as it is; in any other form it stops the stream.
    Redact,
}

/// A body on its way out.
#[derive(Debug)]
pub struct Stream {
    detectors: Detectors,
    place: Place,
    tail: Vec<u8>,
}

impl Stream {
    /// Begins a body.
    pub fn new(
        detectors: &Detectors,
        content: Content<'_>,
        _on_match: OnMatch,
        place: Place,
    ) -> Result<Self, Unscannable> {
        match content.content_encoding {
            None | Some("identity" | "") => Ok(Self {
                detectors: detectors.clone(),
                place,
                tail: Vec::new(),
            }),
            Some(other) => Err(Unscannable::Encoding(other.to_owned())),
        }
    }

    /// Takes the next piece and returns what may go on now.
    pub fn push(&mut self, piece: Bytes) -> Result<Bytes, Stop> {
        let mut text = std::mem::take(&mut self.tail);
        text.extend_from_slice(&piece);
        let finding = self.detectors.find(&text, &self.place).into_iter().next();
        if let Some(finding) = finding.filter(|finding| finding.tier != Tier::Noisy) {
            return Err(Stop::Match(finding));
        }
        let keep = self.detectors.0.exact.longest().saturating_sub(1);
        let from = text.len().saturating_sub(keep);
        self.tail = text.split_off(from);
        Ok(piece)
    }

    /// Ends the body and returns what was still held.
    pub fn finish(&mut self) -> Result<Bytes, Stop> {
        Ok(Bytes::new())
    }

    /// Returns what was found and stops nothing, once.
    pub fn take_reports(&mut self) -> Vec<Finding> {
        Vec::new()
    }

    /// Gives up after [`Stop::Unscannable`]: returns all that was taken and has not gone on.
    pub fn into_held(self) -> Bytes {
        Bytes::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlp::{Known, KnownValue};

    fn check(pieces: &[&str]) -> Result<String, Stop> {
        let known = Known {
            secrets: vec![KnownValue::new("token", "s3cr3t-value-0123")],
            ..Known::default()
        };
        let detectors = Detectors::new(&known, &[]).unwrap();
        let mut stream =
            Stream::new(&detectors, Content::default(), OnMatch::Block, Place::Body).unwrap();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(stream.push(Bytes::copy_from_slice(piece.as_bytes()))?);
        }
        out.extend(stream.finish()?);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_secret_stops_the_stream_wherever_it_is_cut() {
        for pieces in [
            &["a s3cr3t-value-0123 b"][..],
            &["a s3cr", "3t-value-0123"],
            &["s3cr3t-value-012", "3"],
        ] {
            assert!(matches!(check(pieces), Err(Stop::Match(_))), "{pieces:?}");
        }
        assert_eq!(
            check(&["a s3cr", "3t-value-0124"]),
            Ok("a s3cr3t-value-0124".to_owned())
        );
    }
}
