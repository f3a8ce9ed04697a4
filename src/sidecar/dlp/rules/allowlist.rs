//! What a rule finds and does not mean.

use regex::bytes::Regex;

/// What a match is excused by.
#[derive(Debug)]
pub(super) struct Allowlist {
    pub(super) regexes: Vec<Regex>,
    pub(super) target: Target,
    /// In lower case.
    pub(super) stopwords: Vec<String>,
    pub(super) condition: Condition,
}

/// What the regexes of an allowlist look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Secret,
    Match,
    Line,
}

/// How the parts of an allowlist go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// One part is enough.
    Any,
    /// All parts that there are.
    All,
}

/// A match with what an allowlist may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matched<'t> {
    pub(super) secret: &'t [u8],
    pub(super) whole: &'t [u8],
    pub(super) line: &'t [u8],
}

impl Allowlist {
    /// Tells whether a match is excused.
    pub(super) fn excuses(&self, matched: Matched<'_>) -> bool {
        let text = match self.target {
            Target::Secret => matched.secret,
            Target::Match => matched.whole,
            Target::Line => matched.line,
        };
        let by_regex = self.regexes.iter().any(|regex| regex.is_match(text));
        let by_word = || {
            let lower = matched.secret.to_ascii_lowercase();
            let finder = |word: &String| memchr::memmem::find(&lower, word.as_bytes()).is_some();
            self.stopwords.iter().any(finder)
        };
        match self.condition {
            Condition::Any => by_regex || by_word(),
            Condition::All => {
                (self.regexes.is_empty() || by_regex) && (self.stopwords.is_empty() || by_word())
            }
        }
    }

    /// Tells whether it can excuse anything.
    pub(super) fn is_empty(&self) -> bool {
        self.regexes.is_empty() && self.stopwords.is_empty()
    }
}
