//! The head of a request: where it goes, and its headers.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::detectors::Detectors;
use super::exact::Origin;
use super::finding::{Finding, Place, Tier};
use super::unescape::Unescape;

/// Credentials of Basic with padding or without.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What findings call a line break in a header.
const LINE_BREAK: &str = "line-break";

/// What is looked through of a request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The path, as the agent wrote it.
    pub path: &'a str,
    /// The query, as the agent wrote it.
    pub query: Option<&'a str>,
    /// The headers, as the agent sent them.
    pub headers: &'a HeaderMap,
}

/// The known values that may stand in the headers of one request, by their names.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    names: BTreeSet<String>,
}

impl Allowed {
    /// Allows none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Allows these placeholders and secrets.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    /// Tells whether this finding is of a value that may stand there. A vendor's prefix in an allowed
    /// value is found as well, and is not allowed by it: a placeholder has no such prefix.
    fn has(&self, origin: &Origin) -> bool {
        let known = matches!(origin.tier, Tier::Secret | Tier::Placeholder);
        known && self.names.contains(&origin.name)
    }
}

pub(super) fn find_in_head(
    detectors: &Detectors,
    head: &Head<'_>,
    allowed: &Allowed,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut look = |text: &[u8], place: &Place| {
        let origins = detectors
            .find(text)
            .into_iter()
            .chain(short(detectors, text));
        found.extend(origins.map(|origin| origin.at(place)));
    };
    look(head.host.as_bytes(), &Place::Host);
    look(head.path.as_bytes(), &Place::Path);
    if let Some(query) = head.query {
        look(query.as_bytes(), &Place::Query);
    }
    let joined = joined(head.headers);
    if detectors.find(&joined).is_empty()
        && detectors.0.short.first(&joined).is_none()
        && !joined.contains(&b'%')
        && !has_basic(head.headers)
    {
        return found;
    }
    for (name, value) in head.headers {
        look_at_header(detectors, name, value, allowed, &mut found);
    }
    found
}

/// All names and values in one text: most heads have nothing, and are done with it.
fn joined(headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

fn look_at_header(
    detectors: &Detectors,
    name: &HeaderName,
    value: &HeaderValue,
    allowed: &Allowed,
    found: &mut Vec<Finding>,
) {
    let bytes = name.as_str().as_bytes();
    let in_name = detectors
        .find(bytes)
        .into_iter()
        .chain(short(detectors, bytes));
    found.extend(in_name.map(|origin| origin.at(&Place::HeaderName)));
    let place = Place::HeaderValue(name.as_str().to_owned());
    let bytes = value.as_bytes();
    let mut origins = detectors.find(bytes);
    origins.extend(short(detectors, bytes));
    if let Some(decoded) = basic(bytes) {
        origins.extend(detectors.find(&decoded));
        origins.extend(short(detectors, &decoded));
    }
    if breaks_lines(bytes) {
        origins.push(Origin {
            name: LINE_BREAK.to_owned(),
            tier: Tier::Injection,
        });
    }
    origins.retain(|origin| !allowed.has(origin));
    origins.sort_by(|a, b| (a.tier, &a.name).cmp(&(b.tier, &b.name)));
    origins.dedup_by(|a, b| (a.tier, &a.name) == (b.tier, &b.name));
    found.extend(origins.into_iter().map(|origin| origin.at(&place)));
}

/// Returns the short values that stand in a text as words of their own.
fn short(detectors: &Detectors, text: &[u8]) -> Vec<Origin> {
    let patterns = &detectors.0.short;
    let is_word = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    patterns
        .find(text)
        .filter(|hit| !is_word(hit.start.checked_sub(1)) && !is_word(Some(hit.end)))
        .filter_map(|hit| patterns.first(text.get(hit.start..hit.end)?))
        .cloned()
        .collect()
}

fn has_basic(headers: &HeaderMap) -> bool {
    headers
        .values()
        .any(|value| basic(value.as_bytes()).is_some())
}

/// Returns the name and the password of Basic authentication.
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    BASIC.decode(credentials.trim_ascii()).ok()
}

/// Tells whether a value has a line break, or an encoded one with what could be a header, an empty
/// line or a request behind it.
fn breaks_lines(value: &[u8]) -> bool {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if value.iter().any(is_break) {
        return true;
    }
    if !value.contains(&b'%') {
        return false;
    }
    let text = Unescape::whole(value);
    text.split(is_break).skip(1).any(|line| {
        let name = line.iter().take_while(|byte| is_token(**byte)).count();
        name > 0 && line.get(name) == Some(&b':') || line.windows(5).any(|part| part == b"HTTP/")
    }) || text.windows(4).any(|part| part == b"\r\n\r\n")
        || text.windows(2).any(|part| part == b"\n\n")
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
