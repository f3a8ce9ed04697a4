//! The grammar as a whole: command lines and their verdicts, each with the place that it is from.
//!
//! A verdict is `ok`, `help`, or the status and the beginning of the error. The places are
//! sections and corrections of the notes on Apple's CLI.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is a test: what is not as expected fails it"
)]

mod builds;
mod checklist;
mod commands;
mod corrections;
mod harness;
mod numbers;
mod parsed;
mod process;
mod recommended;
mod rules;
mod versions;
