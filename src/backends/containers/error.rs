//! What an engine said no to, in its own words.

use std::fmt;

use thiserror::Error;

use super::dialect::ParseError;
use crate::process::ProcessError;

/// A call of an engine that did not succeed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The engine ran and said no.
    #[error("`{engine}` could not {doing}: {words}{}", call_of(*kind, invocation))]
    Refused {
        /// The engine.
        engine: &'static str,
        /// What was tried, as `create the network …`.
        doing: String,
        /// What kind of failure it is.
        kind: ErrorKind,
        /// Both of its streams, trimmed.
        words: String,
        /// The call, as it pastes into a shell.
        invocation: String,
    },
    /// The engine is there and says itself that it does not run.
    #[error("{words}")]
    Down {
        /// What it says.
        words: String,
    },
    /// Every block of addresses that a network could have is in use.
    #[error(
        "could not {doing}: every block of private addresses that bottle takes from is in use on this machine"
    )]
    NoBlock {
        /// What was tried.
        doing: String,
    },
    /// The engine's program could not be run to its end.
    #[error("could not {doing}")]
    Process {
        /// What was tried.
        doing: String,
        /// Why not.
        source: ProcessError,
    },
    /// The engine's answer could not be read.
    #[error("could not {doing}")]
    Parse {
        /// What was tried.
        doing: String,
        /// Why not.
        source: ParseError,
    },
}

/// Only a call that does not fit tells more than what was to be done.
fn call_of(kind: ErrorKind, invocation: &str) -> String {
    match kind {
        ErrorKind::BadCall => format!(" (the call was `{invocation}`)"),
        ErrorKind::NotRunning
        | ErrorKind::NoPermission
        | ErrorKind::Absent
        | ErrorKind::Conflict
        | ErrorKind::NoImage
        | ErrorKind::NoAddresses
        | ErrorKind::Overlap
        | ErrorKind::NoSpace
        | ErrorKind::Raced
        | ErrorKind::Other => String::new(),
    }
}

/// What kind of failure an engine's words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The engine does not answer.
    NotRunning,
    /// The engine is there, but this user may not use it.
    NoPermission,
    /// What was named does not exist.
    Absent,
    /// What was to be made exists.
    Conflict,
    /// The image is neither here nor in a registry.
    NoImage,
    /// The engine has no subnet left to give.
    NoAddresses,
    /// The block of addresses for a network is in use.
    Overlap,
    /// The disk is full.
    NoSpace,
    /// Something else on the machine changed meanwhile; the same call may succeed now.
    Raced,
    /// The words did not fit the engine's grammar: a defect of bottle's.
    BadCall,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Finds the first of these words in what an engine said.
    pub(super) fn first_of(stderr: &str, words: &[(&str, Self)]) -> Self {
        words
            .iter()
            .find(|(word, _)| stderr.contains(word))
            .map_or(Self::Other, |(_, kind)| *kind)
    }

    /// Says what a person can do about it.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotRunning => Some("start the engine; `bottle doctor` names the command"),
            Self::NoPermission => {
                Some("add your user to the engine's group, or use a rootless engine")
            }
            Self::NoImage => {
                Some("build or pull the image first, or name one that is here with `--image`")
            }
            Self::NoAddresses => Some(
                "remove unused networks: `bottle clean`, then the engine's own `network prune`",
            ),
            Self::Overlap => Some(
                "name a block of private addresses that nobody uses: `export BOTTLE_SUBNETS=10.200.0.0/16`",
            ),
            Self::NoSpace => {
                Some("free some disk space: the engine's own `system prune` shows what it holds")
            }
            Self::Conflict => Some("`bottle clean` removes what an earlier run left behind"),
            Self::Raced => {
                Some("run it again: something else on this machine changed its networks meanwhile")
            }
            Self::BadCall => Some(
                "this is a defect of bottle: please report it, with the call and the engine's version",
            ),
            Self::Absent | Self::Other => None,
        }
    }
}

impl EngineError {
    /// Says what was tried, and all that led to its end.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Tells whether what was named does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                kind: ErrorKind::Absent,
                ..
            }
        )
    }

    /// Tells whether the engine is there and does not run.
    pub fn is_not_running(&self) -> bool {
        matches!(
            self,
            Self::Down { .. }
                | Self::Refused {
                    kind: ErrorKind::NotRunning,
                    ..
                }
        )
    }

    /// Tells whether the addresses that were asked for are in use.
    pub fn is_overlap(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                kind: ErrorKind::Overlap,
                ..
            }
        )
    }

    /// Tells whether the same call may succeed now.
    pub fn is_raced(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                kind: ErrorKind::Raced,
                ..
            }
        )
    }

    /// Says what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { kind, .. } => kind.hint().map(str::to_owned),
            Self::Down { .. } => ErrorKind::NotRunning.hint().map(str::to_owned),
            Self::NoBlock { .. } => ErrorKind::Overlap.hint().map(str::to_owned),
            Self::Process { source, .. } => source.hint().map(str::to_owned),
            Self::Parse { .. } => Some(
                "this version of the engine may be too new or too old: see `bottle doctor`"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotRunning => "the engine does not answer",
            Self::NoPermission => "no permission to use the engine",
            Self::Absent => "it does not exist",
            Self::Conflict => "it exists already",
            Self::NoImage => "the image was not found",
            Self::NoAddresses => "the engine has no free subnet",
            Self::Overlap => "the addresses are in use",
            Self::NoSpace => "the disk is full",
            Self::Raced => "something else changed meanwhile",
            Self::BadCall => "the engine does not know such a call",
            Self::Other => "the engine refused",
        })
    }
}
