//! Why a program could not be run to its end.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;

use super::invocation::Invocation;
use super::run::Captured;

/// Why a program could not be run to its end. That it failed by itself is not among these.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It is not there.
    #[error("the program `{program}` was not found")]
    NotFound {
        /// Its name or path.
        program: String,
        /// What to do about it.
        hint: String,
    },
    /// It is there, and could not be started.
    #[error("could not start `{invocation}`")]
    Spawn {
        /// What was run, as a line for a shell.
        invocation: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It ran past its deadline and was ended, with all that it started.
    #[error("`{invocation}` did not end within {after:?}{}", said(captured))]
    TimedOut {
        /// What was run, as a line for a shell.
        invocation: String,
        /// The deadline.
        after: Duration,
        /// What it had written; its status is that of the signal that ended it.
        captured: Captured,
    },
    /// It was ended because the caller did not want it any more.
    #[error("`{invocation}` was ended before it was done")]
    Cancelled {
        /// What was run, as a line for a shell.
        invocation: String,
    },
    /// It wrote more than fits, and was ended.
    #[error("`{invocation}` wrote more than {limit} bytes to its {stream}")]
    TooMuchOutput {
        /// What was run, as a line for a shell.
        invocation: String,
        /// Where it wrote.
        stream: Stream,
        /// What would have fitted.
        limit: usize,
    },
    /// What it was to read could not be produced, so it was ended.
    #[error("could not produce the standard input of `{invocation}`")]
    Feed {
        /// What was run, as a line for a shell.
        invocation: String,
        /// The producer's reason.
        source: io::Error,
    },
    /// It ran, and the system did not let us wait for it.
    #[error("could not wait for `{invocation}`")]
    Wait {
        /// What was run, as a line for a shell.
        invocation: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// One of the two streams that a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl ProcessError {
    pub(super) fn from_start(invocation: &Invocation, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            return Self::NotFound {
                program: invocation.program.display().to_string(),
                hint: "install it, and look at `bottle doctor`".to_owned(),
            };
        }
        Self::Spawn {
            invocation: invocation.to_string(),
            source,
        }
    }

    /// Says what to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NotFound { hint, .. } => Some(hint),
            Self::Spawn { .. }
            | Self::TimedOut { .. }
            | Self::Cancelled { .. }
            | Self::TooMuchOutput { .. }
            | Self::Feed { .. }
            | Self::Wait { .. } => None,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
        })
    }
}

fn said(captured: &Captured) -> String {
    let text = captured.stderr_text();
    match text.trim() {
        "" => String::new(),
        text => format!("; it said: {text}"),
    }
}
