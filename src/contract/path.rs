//! Request targets and the patterns that match them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::serde_as_text;

/// The longest request target that is accepted, in bytes.
pub const MAX_TARGET: usize = 16 * 1024;
/// The longest path pattern, in segments; a bound on the work of one match.
const MAX_SEGMENTS: usize = 64;

/// A validated origin-form target: a path, and a query where there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    text: String,
    path_len: usize,
}

/// What a route allows: `/v1/**`, `/repos/*/issues`, `/status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// `**`: any number of segments, none included.
    Any,
    /// The literal parts between the `*`s of one segment.
    Parts(Vec<String>),
}

/// Why a text is not a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidTarget {
    /// Does not start with `/`.
    #[error("the path does not start with `/`")]
    NotAbsolute,
    /// Longer than [`MAX_TARGET`].
    #[error("the path and query are longer than 16 KiB")]
    TooLong,
    /// A space, a control byte, a byte above 0x7e, or another that RFC 3986 keeps out of paths.
    #[error("the path has a character that must be percent-encoded")]
    Character,
    /// `%` without two hex digits, or an encoded control byte.
    #[error("the path has a percent-encoding that is broken or stands for a control byte")]
    Encoding,
    /// `.` or `..` as a segment, plain or encoded.
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
}

/// Why a text is not a path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPattern {
    /// Does not start with `/`.
    #[error("a path pattern starts with `/`")]
    NotAbsolute,
    /// `**` with something beside it in the same segment.
    #[error("`**` stands for whole segments and cannot share one, as in `/v1/**`")]
    PartialAny,
    /// A query, a fragment, or a character that no path has.
    #[error(
        "a path pattern has no query, no fragment and no characters that must be percent-encoded"
    )]
    Character,
    /// Too many segments.
    #[error("a path pattern has at most 64 segments")]
    TooLong,
}

impl Target {
    /// Returns the path without the query.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_len).unwrap_or_default()
    }

    /// Returns the query without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_len + 1..)
    }

    /// Returns path and query as they go on the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the path with its percent-encodings decoded, lower-cased: for spotting, not for matching.
    pub fn decoded(&self) -> String {
        percent_decoded(self.path())
    }

    /// Tells whether servers read the path in different ways.
    ///
    /// That is so for an encoded slash, backslash, dot, percent sign or semicolon; for an empty segment
    /// and a path parameter (`;`), which some drop; and for bytes that are not UTF-8, which some fold.
    pub fn is_ambiguous(&self) -> bool {
        let path = self.path().to_ascii_lowercase();
        let read_in_two_ways = ["%2f", "%5c", "%2e", "%25", "%3b", "//", ";"];
        read_in_two_ways.iter().any(|part| path.contains(part)) || !self.is_plain_text()
    }

    /// Tells whether the decoded path is UTF-8 without the full-width forms that some servers fold to ASCII.
    fn is_plain_text(&self) -> bool {
        let full_width = |letter: char| ('\u{ff00}'..='\u{ffef}').contains(&letter);
        !self
            .decoded()
            .contains(|letter| letter == char::REPLACEMENT_CHARACTER || full_width(letter))
    }
}

/// Decodes percent-encodings once, and lowers the case: for spotting, not for matching.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => match hex_pair(*high, *low) {
                Some(byte) => (byte, after),
                None => (first, tail),
            },
            _ => (first, tail),
        };
        bytes.push(byte.to_ascii_lowercase());
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl PathPattern {
    /// Tells whether the pattern covers the whole path.
    pub fn matches(&self, target: &Target) -> bool {
        let path: Vec<&str> = target.path().split('/').skip(1).collect();
        match_segments(&self.segments, &path)
    }
}

/// Matches greedily with one point to return to: at most `pattern × path` steps.
fn match_segments(pattern: &[Segment], path: &[&str]) -> bool {
    let (mut at_pattern, mut at_path) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(segment) = path.get(at_path) {
        match pattern.get(at_pattern) {
            Some(Segment::Any) => {
                retry = Some((at_pattern, at_path));
                at_pattern += 1;
                continue;
            }
            Some(Segment::Parts(parts)) if match_parts(parts, segment) => {
                at_pattern += 1;
                at_path += 1;
                continue;
            }
            Some(Segment::Parts(_)) | None => {}
        }
        let Some((any, from)) = retry else {
            return false;
        };
        retry = Some((any, from + 1));
        at_pattern = any + 1;
        at_path = from + 1;
    }
    pattern
        .get(at_pattern..)
        .is_some_and(|rest| rest.iter().all(|segment| *segment == Segment::Any))
}

fn match_parts(parts: &[String], segment: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == segment);
    };
    let Some(rest) = segment.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else {
            return false;
        };
        rest = after;
    }
    true
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with('/') {
            return Err(InvalidTarget::NotAbsolute);
        }
        if text.len() > MAX_TARGET {
            return Err(InvalidTarget::TooLong);
        }
        check_bytes(text.as_bytes())?;
        let path_len = text.find('?').unwrap_or(text.len());
        let target = Self {
            text: text.to_owned(),
            path_len,
        };
        if target
            .decoded()
            .split(['/', '\\'])
            .any(|segment| segment == "." || segment == "..")
        {
            return Err(InvalidTarget::DotSegment);
        }
        Ok(target)
    }
}

fn check_bytes(mut rest: &[u8]) -> Result<(), InvalidTarget> {
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'%' => {
                let [high, low, after @ ..] = tail else {
                    return Err(InvalidTarget::Encoding);
                };
                let byte = hex_pair(*high, *low).ok_or(InvalidTarget::Encoding)?;
                if byte.is_ascii_control() {
                    return Err(InvalidTarget::Encoding);
                }
                rest = after;
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => {
                return Err(InvalidTarget::Character);
            }
            byte if !byte.is_ascii_graphic() => return Err(InvalidTarget::Character),
            _ => {}
        }
    }
    Ok(())
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? * 16 + digit(low)?)
}

impl FromStr for PathPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(InvalidPattern::NotAbsolute);
        };
        if text.contains('?') || check_bytes(text.as_bytes()).is_err() {
            return Err(InvalidPattern::Character);
        }
        let segments: Vec<Segment> = rest
            .split('/')
            .map(parse_segment)
            .collect::<Result<_, _>>()?;
        if segments.len() > MAX_SEGMENTS {
            return Err(InvalidPattern::TooLong);
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }
}

fn parse_segment(text: &str) -> Result<Segment, InvalidPattern> {
    if text == "**" {
        return Ok(Segment::Any);
    }
    if text.contains("**") {
        return Err(InvalidPattern::PartialAny);
    }
    Ok(Segment::Parts(text.split('*').map(str::to_owned).collect()))
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

serde_as_text!(Target);
serde_as_text!(PathPattern);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        for (pattern, path, expected) in [
            ("/v1/**", "/v1/messages", true),
            ("/v1/**", "/v1/a/b?c=/v2", true),
            ("/v1/**", "/v1", true),
            ("/v1/**", "/v10", false),
            ("/v1/**", "/v1x/a", false),
            ("/**", "/", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/repos/*/issues", "/repos/a/issues", true),
            ("/repos/*/issues", "/repos/a/b/issues", false),
            ("/repos/*/issues", "/repos//issues", true),
            ("/a*c/x", "/abc/x", true),
            ("/a*c/x", "/ac/x", true),
            ("/a*c/x", "/a/x", false),
            ("/*.json", "/a.json", true),
            ("/*a*a", "/a", false),
            ("/**/end", "/a/b/end", true),
            ("/**/end", "/end", true),
            ("/**/end", "/a/b/ending", false),
            ("/a/**/b/**/c", "/a/x/b/y/b/z/c", true),
        ] {
            let pattern: PathPattern = pattern.parse().unwrap();
            assert_eq!(
                pattern.matches(&path.parse().unwrap()),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn targets_that_servers_read_in_two_ways_are_refused() {
        for (text, expected) in [
            ("x", InvalidTarget::NotAbsolute),
            ("", InvalidTarget::NotAbsolute),
            ("/a b", InvalidTarget::Character),
            ("/a\\b", InvalidTarget::Character),
            ("/a#b", InvalidTarget::Character),
            ("/é", InvalidTarget::Character),
            ("/a%", InvalidTarget::Encoding),
            ("/a%zz", InvalidTarget::Encoding),
            ("/a%00", InvalidTarget::Encoding),
            ("/a%0d%0ab", InvalidTarget::Encoding),
            ("/a/../b", InvalidTarget::DotSegment),
            ("/a/%2e%2E/b", InvalidTarget::DotSegment),
            ("/a/..%2fb", InvalidTarget::DotSegment),
            ("/.", InvalidTarget::DotSegment),
        ] {
            assert_eq!(text.parse::<Target>(), Err(expected), "{text}");
        }
        let target: Target = "/a%2Fb?q=1".parse().unwrap();
        assert!(target.is_ambiguous());
        for two_ways in [
            "/v1/..;/x",
            "/v1/%252e%252e/x",
            "/v1/%c0%ae/x",
            "/v1/%ef%bc%8e/x",
            "/a//b",
            "/a%3bb",
        ] {
            assert!(
                two_ways.parse::<Target>().unwrap().is_ambiguous(),
                "{two_ways}"
            );
        }
        for one_way in ["/v1/a.b", "/caf%c3%a9", "/a%20b", "/a?b=//;%2e"] {
            assert!(
                !one_way.parse::<Target>().unwrap().is_ambiguous(),
                "{one_way}"
            );
        }
        assert_eq!((target.path(), target.query()), ("/a%2Fb", Some("q=1")));
    }

    #[test]
    fn patterns_are_validated() {
        assert_eq!(
            "v1".parse::<PathPattern>(),
            Err(InvalidPattern::NotAbsolute)
        );
        assert_eq!(
            "/v1**".parse::<PathPattern>(),
            Err(InvalidPattern::PartialAny)
        );
        assert_eq!(
            "/v1?x".parse::<PathPattern>(),
            Err(InvalidPattern::Character)
        );
        assert_eq!(
            "/a".repeat(65).parse::<PathPattern>(),
            Err(InvalidPattern::TooLong)
        );
    }

    proptest! {
        /// A slow matcher that can be read at a glance must agree with the quick one.
        #[test]
        fn matching_agrees_with_the_obvious_matcher(
            pattern in proptest::collection::vec("(\\*\\*|[ab*]{0,3})", 1..5),
            path in proptest::collection::vec("[ab]{0,3}", 1..6),
        ) {
            fn obvious(pattern: &[Segment], path: &[&str]) -> bool {
                match (pattern.split_first(), path.split_first()) {
                    (None, None) => true,
                    (Some((Segment::Any, rest)), Some((_, tail))) => obvious(rest, path) || obvious(pattern, tail),
                    (Some((Segment::Any, rest)), None) => obvious(rest, path),
                    (Some((Segment::Parts(parts), rest)), Some((head, tail))) => match_parts(parts, head) && obvious(rest, tail),
                    (None, Some(_)) | (Some((Segment::Parts(_), _)), None) => false,
                }
            }
            let text = format!("/{}", pattern.join("/"));
            if let Ok(pattern) = text.parse::<PathPattern>() {
                let target: Target = format!("/{}", path.join("/")).parse().unwrap();
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                prop_assert_eq!(pattern.matches(&target), obvious(&pattern.segments, &path));
            }
        }
    }
}
