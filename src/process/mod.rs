//! Runs programs: the only place that does.
//!
//! Floor 1. An [`Invocation`] is a value that prints as a line for a shell. Every run has a
//! deadline, a closed standard input unless one is given, and bounded capture of both streams. A
//! status other than 0 is an answer, not an error: what it means, only the caller knows.

mod attach;
mod capture;
mod child;
mod error;
mod find;
mod invocation;
mod observe;
mod run;
mod talk;
#[cfg(test)]
mod tests;

pub use attach::{Attached, Errors, attach, follow, page};
pub use capture::MAX_CAPTURE;
pub use error::{ProcessError, Stream};
pub use find::find;
pub use invocation::{Input, Invocation};
pub use observe::observe;
pub use run::{Captured, Drained, drain, drain_while, feed, feed_while, run, run_while, skim};
pub use talk::{Silence, Talk};
