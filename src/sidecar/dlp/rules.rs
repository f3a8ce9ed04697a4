//! Rules from files.

use std::fmt;

/// A file of rules in gitleaks' format.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// What errors call it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRules {
    /// The file's name.
    pub file: String,
    /// The line, from 1 on.
    pub line: usize,
    /// The id of the rule, where it is about one.
    pub rule: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for BadRules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(out, "the rule `{rule}`: ")?;
        }
        out.write_str(&self.reason)
    }
}

impl std::error::Error for BadRules {}
