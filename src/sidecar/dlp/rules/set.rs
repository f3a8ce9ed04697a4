//! All rules, and the words that say which of them to apply.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::compile::{Compiled, compile};
use super::file::{BadRules, RuleFile};
use super::rule::{Noisy, Rule};
use crate::dlp::exact::Origin;
use crate::dlp::finding::Tier;
use crate::limits::DLP_RULES;

/// The rules of all files.
#[derive(Debug, Default)]
pub(in crate::dlp) struct RuleSet {
    rules: Vec<Rule>,
    keywords: Option<AhoCorasick>,
    /// The rules of each keyword.
    owners: Vec<Vec<usize>>,
    /// The rules without one.
    always: Vec<usize>,
}

impl RuleSet {
    /// Reads and compiles all files.
    pub(in crate::dlp) fn new(files: &[RuleFile]) -> Result<Self, BadRules> {
        let mut all = Vec::new();
        for file in files {
            all.extend(compile(file)?);
            if all.len() > DLP_RULES {
                let reason = format!("there are more than {DLP_RULES} rules");
                return Err(file.bad(0, None, reason));
            }
        }
        Ok(Self::of(all))
    }

    fn of(all: Vec<Compiled>) -> Self {
        let mut set = Self::default();
        let mut words: Vec<(String, usize)> = Vec::new();
        for (at, compiled) in all.into_iter().enumerate() {
            if compiled.keywords.is_empty() {
                set.always.push(at);
            }
            words.extend(compiled.keywords.into_iter().map(|word| (word, at)));
            set.rules.push(compiled.rule);
        }
        words.sort();
        let mut unique: Vec<String> = Vec::new();
        for (word, at) in words {
            if unique.last() != Some(&word) {
                unique.push(word);
                set.owners.push(Vec::new());
            }
            if let Some(owners) = set.owners.last_mut() {
                owners.push(at);
            }
        }
        set.keywords = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            // Every byte of a body goes through it: some MiB for thousands of words are worth it.
            .kind(Some(AhoCorasickKind::DFA))
            .build(&unique)
            .ok()
            .filter(|_| !unique.is_empty());
        set
    }

    /// Tells whether there is nothing to apply.
    pub(in crate::dlp) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the longest keyword's bytes.
    pub(super) fn longest_keyword(&self) -> usize {
        self.keywords
            .as_ref()
            .map_or(0, AhoCorasick::max_pattern_len)
    }

    /// Returns a mark for each rule: whether it is to be applied whatever stands in a text.
    pub(super) fn marks(&self) -> Vec<bool> {
        let mut marks = vec![false; self.rules.len()];
        for at in &self.always {
            if let Some(mark) = marks.get_mut(*at) {
                *mark = true;
            }
        }
        marks
    }

    /// Marks the rules of the keywords in a text.
    pub(super) fn mark(&self, text: &[u8], marks: &mut [bool]) {
        for found in self
            .keywords
            .iter()
            .flat_map(|words| words.find_overlapping_iter(text))
        {
            for at in self
                .owners
                .get(found.pattern().as_usize())
                .into_iter()
                .flatten()
            {
                if let Some(mark) = marks.get_mut(*at) {
                    *mark = true;
                }
            }
        }
    }

    /// Returns the marked rules.
    pub(super) fn marked<'s>(&'s self, marks: &'s [bool]) -> impl Iterator<Item = &'s Rule> + 's {
        let both = self.rules.iter().zip(marks);
        both.filter(|(_, mark)| **mark).map(|(rule, _)| rule)
    }
}

/// Returns what a finding of a rule says.
pub(super) fn origin(rule: &Rule) -> Origin {
    Origin {
        name: rule.id.clone(),
        tier: match rule.noisy {
            Noisy::No => Tier::Rule,
            Noisy::Yes => Tier::Noisy,
        },
    }
}
