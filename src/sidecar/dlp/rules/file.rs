//! The format of rule files: that of gitleaks 8.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use crate::limits::DLP_RULES_BYTES;

/// Reports and stops nothing: identifiers and digests look like this, too.
const HIGH_ENTROPY: &str = r#"
[[rules]]
id = "high-entropy"
regex = '''[A-Za-z0-9+/_-]{32,128}'''
entropy = 4.3
tags = ["report-only"]
"#;

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

/// A whole file. Keys that say nothing about what is found are not read.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) rules: Vec<Spanned<RuleEntry>>,
    pub(super) extend: Option<Spanned<toml::Table>>,
    pub(super) allowlist: Option<Spanned<ListEntry>>,
    #[serde(default)]
    pub(super) allowlists: Vec<Spanned<ListEntry>>,
}

/// One `[[rules]]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleEntry {
    pub(super) id: Option<String>,
    pub(super) regex: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) secret_group: usize,
    #[serde(default)]
    pub(super) entropy: f64,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) skip_report: bool,
    pub(super) required: Option<Spanned<toml::Value>>,
    pub(super) allowlist: Option<Spanned<ListEntry>>,
    #[serde(default)]
    pub(super) allowlists: Vec<Spanned<ListEntry>>,
}

/// One allowlist, of a rule or of all.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListEntry {
    pub(super) condition: Option<String>,
    pub(super) regex_target: Option<String>,
    #[serde(default)]
    pub(super) regexes: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) stopwords: Vec<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) commits: Vec<String>,
    #[serde(default)]
    pub(super) target_rules: Vec<String>,
}

impl RuleFile {
    /// Names a text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Returns the rule that reports what looks like chance, for those who ask for it: 32 letters of
    /// base64 or more with an entropy that hex and words do not reach.
    pub fn high_entropy() -> Self {
        Self::new("built-in", HIGH_ENTROPY)
    }

    /// Reads the text.
    pub(super) fn read(&self) -> Result<Document, BadRules> {
        if self.text.len() > DLP_RULES_BYTES {
            let reason = format!("the file has more than {DLP_RULES_BYTES} bytes");
            return Err(self.bad(0, None, reason));
        }
        toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.bad(at, None, error.message().replace('\n', " "))
        })
    }

    /// Says what is wrong at a place in the text.
    pub(super) fn bad(&self, at: usize, rule: Option<&str>, reason: String) -> BadRules {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        BadRules {
            file: self.name.clone(),
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            rule: rule.map(str::to_owned),
            reason,
        }
    }
}

impl fmt::Display for BadRules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(out, "rule `{rule}`: ")?;
        }
        out.write_str(&self.reason)
    }
}

impl std::error::Error for BadRules {}
