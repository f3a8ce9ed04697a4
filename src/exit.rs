//! Exit statuses. They are API: scripts depend on them.
//!
//! | Status | Meaning |
//! |-------:|---------|
//! | 0 | It was done. |
//! | 1 | It was not done, or `verify` found a hole or an attempt that proves nothing; the reason is on standard error. |
//! | 2 | The command line is wrong. |
//! | 124 | `run` ended the agent's command: the time that `--timeout` gave was over. |
//! | 125 | `run`, `exec` or `attach` failed by itself: the agent's command was not run to its end. |
//! | 128 + n | Signal `n` ended `bottle`, after everything was taken down. |
//! | other | The agent's own status, from `run`, `exec` and `attach`. |

use std::process::ExitCode;

/// How `bottle` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Success,
    /// It was not done.
    Failure,
    /// The command line is wrong.
    Usage,
    /// Bottle itself failed where an agent's status would stand.
    Bottle,
    /// The time that the user gave was over.
    TimedOut,
    /// This signal ended it.
    Signal(i32),
    /// The agent's own status.
    Agent(i32),
}

impl Exit {
    /// Returns the status as the shell sees it.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::TimedOut => 124,
            Self::Bottle => 125,
            // What does not fit cannot be passed on, and must not look like success.
            Self::Signal(number) => u8::try_from(number.saturating_add(128)).unwrap_or(255),
            Self::Agent(status) => u8::try_from(status).unwrap_or(255),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_api() {
        for (exit, expected) in [
            (Exit::Success, 0),
            (Exit::Failure, 1),
            (Exit::Usage, 2),
            (Exit::TimedOut, 124),
            (Exit::Bottle, 125),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
            (Exit::Agent(0), 0),
            (Exit::Agent(37), 37),
            (Exit::Agent(256), 255),
            (Exit::Agent(-1), 255),
        ] {
            assert_eq!(exit.code(), expected, "{exit:?}");
        }
    }
}
