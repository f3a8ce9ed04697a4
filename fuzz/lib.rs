//! What is fuzzed, and what must hold for every input.
//!
//! Each target is an ordinary function: it panics when something does not hold, and otherwise says
//! whether the input was accepted. libFuzzer calls them through `fuzz_targets/`, and `tests/seeds.rs`
//! calls them on any compiler.

#![forbid(unsafe_code)]

mod oracles;

use oracles::{address, archive, audit, dlp, heads, host, manifest, path, url};

/// What became of an input that broke no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was read.
    Accepted,
    /// It was refused.
    Refused,
}

/// A function to fuzz.
pub type Target = fn(&[u8]) -> Outcome;

/// All targets, by the names of their folders in `corpus/`.
pub const TARGETS: [(&str, Target); 11] = [
    ("address", address::check),
    ("archive", archive::check),
    ("audit", audit::check),
    ("connect", url::check_connect),
    ("differential", heads::check_split),
    ("dlp", dlp::check),
    ("forward", url::check_forward),
    ("heads", heads::check_pieces),
    ("host", host::check),
    ("manifest", manifest::check),
    ("path", path::check),
];

/// Runs a target by its name.
pub fn run(name: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, target) = found.expect("a target of this name");
    target(input);
}

impl Outcome {
    fn of<T>(read: Option<T>) -> Self {
        match read {
            Some(_) => Self::Accepted,
            None => Self::Refused,
        }
    }
}
