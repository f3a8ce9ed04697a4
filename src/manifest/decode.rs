//! From the text of a file to its typed form, with every fault placed.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::error::ManifestError;
use super::later;
use super::place::{Source, escaped};
use super::schema::Kind;
use super::value::LITERAL_SECRET;

/// Reads one file as `T`.
pub(super) fn decode<T: DeserializeOwned>(source: &Source, kind: Kind) -> Result<T, ManifestError> {
    let table = DeTable::parse(&source.text).map_err(|error| explain(source, kind, &error))?;
    later::refuse(source, table.get_ref())?;
    T::deserialize(toml::de::Deserializer::from(table))
        .map_err(|error| explain(source, kind, &error))
}

/// Puts a fault that the parser or a type found into our words.
fn explain(source: &Source, kind: Kind, error: &toml::de::Error) -> ManifestError {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().trim();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return unknown(source, &span, rest, "key", kind);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        return unknown(source, &span, rest, "value", kind);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return ManifestError::at(source, &span, format!("the key {field} is missing"))
            .remedy("add it");
    }
    if message == "wanted string or table" {
        return ManifestError::at(source, &span, "expected one word in quotes");
    }
    if message == LITERAL_SECRET {
        // Without the line itself, which holds what must not be shown.
        return ManifestError::at_place(&source.place(&span), message);
    }
    // The parser gives what it found and what it wanted on lines of their own.
    let message = message.lines().map(str::trim).collect::<Vec<_>>();
    ManifestError::at(source, &span, lower_first(&message.join(", ")))
}

/// Explains a word that is none of those allowed: the nearest of them, and all of them.
fn unknown(
    source: &Source,
    span: &Range<usize>,
    rest: &str,
    what: &str,
    kind: Kind,
) -> ManifestError {
    // Serde's message is "unknown field `x`, expected one of `a`, `b`"; the word itself may hold anything.
    let end = rest.rfind("`, expected ").unwrap_or(rest.len());
    let (word, expected) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let mut allowed: Vec<&str> = expected.split('`').filter(|part| is_word(part)).collect();
    allowed.sort_unstable();
    let list = allowed
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!("unknown {what} `{}`", escaped(word));
    let remedy = match nearest(word, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? (allowed here: {list})"),
        None if kind == Kind::Bottle && Kind::AGENT_ONLY.contains(&word) => {
            format!("it goes into an agent file (allowed here: {list})")
        }
        None if kind == Kind::Agent && Kind::BOTTLE_ONLY.contains(&word) => {
            format!("it goes into a bottle file (allowed here: {list})")
        }
        None => format!("allowed here: {list}"),
    };
    ManifestError::at(source, span, message).remedy(remedy)
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Finds the word that was probably meant: at most one slip for each three letters.
pub(super) fn nearest<'word>(
    word: &str,
    known: impl IntoIterator<Item = &'word str>,
) -> Option<&'word str> {
    let bound = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= bound && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn lower_first(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(rest).collect()
    })
}
