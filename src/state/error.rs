//! Why the state of a bottle could not be read or written.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the state of a bottle could not be read or written.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file system refused.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `create`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A record is not what this version can read.
    #[error("the record `{}` is damaged, or of a newer version of bottle", path.display())]
    Damaged {
        /// The record.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Another process holds the lock.
    #[error("the lock `{}` is held by another `bottle`", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
    },
}

impl StateError {
    /// Says what to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("wait for it, or end it with `bottle stop`"),
            Self::Damaged { .. } => Some("`bottle clean` removes it once its bottle is gone"),
            Self::Io { .. } => None,
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
