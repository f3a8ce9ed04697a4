//! A growing argv.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A growing argv.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<OsString>);

impl Words {
    pub(super) fn of(words: &[&str]) -> Self {
        Self(words.iter().map(OsString::from).collect())
    }

    pub(super) fn word(mut self, word: impl Into<OsString>) -> Self {
        self.0.push(word.into());
        self
    }

    pub(super) fn words<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.0.extend(words.into_iter().map(Into::into));
        self
    }

    /// Adds `--name=value` as one word: a value that begins with `-` stays a value. An empty one is
    /// a word of its own: Apple's parser would take the next word for it.
    pub(super) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        if value.as_ref().is_empty() {
            return self.word(format!("--{name}")).word("");
        }
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.word(word)
    }

    pub(super) fn labels(self, labels: &BTreeMap<&'static str, String>) -> Self {
        labels.iter().fold(self, |words, (key, value)| {
            words.option("label", format!("{key}={value}"))
        })
    }

    /// Returns the argv.
    pub(super) fn into_argv(self) -> Vec<OsString> {
        self.0
    }
}
