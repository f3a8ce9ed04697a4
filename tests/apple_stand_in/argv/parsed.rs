//! What the grammar makes of a command line.

use std::collections::{BTreeMap, BTreeSet};

/// What became of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It fits the grammar; the command may run.
    Accepted(Parsed),
    /// It does not.
    Refused {
        /// The status to end with: 64, or 1 where Apple's validation throws another kind of error.
        exit: u8,
        /// What Apple's CLI prints on standard error, without a newline at its end.
        message: String,
    },
    /// Help or the version was asked for: printed on standard output, with status 0.
    Help {
        /// The text.
        message: String,
    },
}

/// A command line that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The command by its full names, aliases resolved: `network create`.
    pub command: String,
    /// The flags that were given, by their first long name without dashes: `interactive`.
    pub flags: BTreeSet<String>,
    /// The values of each option in order, by its first long name (or its letter when it has none).
    pub options: BTreeMap<String, Vec<String>>,
    /// The values of each positional in order, by the grammar's name for it: `image`, `arguments`.
    pub positionals: BTreeMap<String, Vec<String>>,
}

impl Parsed {
    /// Tells whether a flag was given.
    pub fn flag(&self, name: &str) -> bool {
        self.flags.contains(name)
    }

    /// Returns all values of an option.
    pub fn values(&self, name: &str) -> &[String] {
        self.options.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the last value of an option: of a scalar that is given twice, the last wins.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str)
    }

    /// Returns the values of a positional.
    pub fn words(&self, name: &str) -> &[String] {
        self.positionals.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the only value of a positional.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words(name).first().map(String::as_str)
    }
}
