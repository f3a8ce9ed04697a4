//! How an error of a lower floor reaches the edge: with its kind and its hints.

use anyhow::anyhow;

use crate::backends::BackendError;
use crate::error::Error;
use crate::manifest::ManifestError;
use crate::state::StateError;

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        let hints = error.hints();
        let edge = match &error {
            BackendError::Refused { .. } | BackendError::Interrupted(_) => Self::user(error),
            BackendError::Unusable { .. }
            | BackendError::NotSealed { .. }
            | BackendError::Step { .. }
            | BackendError::Undo { .. } => Self::engine(error),
        };
        hints.into_iter().fold(edge, Self::hint)
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        let hint = error.hint();
        Self::user(error).maybe_hint(hint)
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        match error.excerpt().map(str::to_owned) {
            // Carets point into the line only when the lines stand under each other.
            Some(excerpt) => Self::user(anyhow!("{error}\n{excerpt}")),
            None => Self::user(error),
        }
    }
}
