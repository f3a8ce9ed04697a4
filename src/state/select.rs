//! Finds the bottle that a user means by an id or the beginning of one.

use bottle_contract::id::BottleId;
use thiserror::Error;

/// Why a text does not name a bottle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectError {
    /// No id begins like this.
    #[error("no bottle has an id that begins with `{text}`")]
    Nothing {
        /// What the user wrote.
        text: String,
    },
    /// More than one id begins like this.
    #[error("`{text}` is the beginning of more than one id: {}", list(candidates))]
    Ambiguous {
        /// What the user wrote.
        text: String,
        /// The ids that it could mean.
        candidates: Vec<BottleId>,
    },
}

/// Finds the one bottle whose id is this text or begins with it.
pub fn select<'a>(
    text: &str,
    ids: impl IntoIterator<Item = &'a BottleId>,
) -> Result<&'a BottleId, SelectError> {
    let mut candidates: Vec<&BottleId> = Vec::new();
    for id in ids {
        if id.as_str() == text {
            return Ok(id);
        }
        if !text.is_empty() && id.as_str().starts_with(text) {
            candidates.push(id);
        }
    }
    match candidates.as_slice() {
        [] => Err(SelectError::Nothing {
            text: text.to_owned(),
        }),
        [one] => Ok(one),
        many => Err(SelectError::Ambiguous {
            text: text.to_owned(),
            candidates: many.iter().copied().cloned().collect(),
        }),
    }
}

fn list(ids: &[BottleId]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_or_a_unique_beginning_names_a_bottle() {
        let ids: Vec<BottleId> = ["a-bcdefg", "a-bxxxxx", "a-bcdefg-h23456"]
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        assert_eq!(
            select("a-bcdefg", &ids),
            Ok(&ids[0]),
            "whole, though also a beginning"
        );
        assert_eq!(select("a-bx", &ids), Ok(&ids[1]));
        assert_eq!(select("a-bcdefg-", &ids), Ok(&ids[2]));
        let ambiguous = select("a-bc", &ids).unwrap_err();
        assert!(
            ambiguous
                .to_string()
                .ends_with("`a-bcdefg`, `a-bcdefg-h23456`"),
            "{ambiguous}"
        );
        for nothing in ["", "b", "bcdefg"] {
            assert!(
                matches!(select(nothing, &ids), Err(SelectError::Nothing { .. })),
                "{nothing}"
            );
        }
    }
}
