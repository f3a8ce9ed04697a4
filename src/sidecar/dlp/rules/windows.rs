//! Rules on a text that passes, window by window.
//!
//! A rule's verdict must not depend on how the text is cut, so the windows lie at fixed places:
//! each has new bytes and repeats the end of the one before. It is judged when it is complete or the
//! text ends. What has come of it so far is looked at with each piece, too: as long as a rule
//! matches there, or the look would cost too much, the text is undecided, and is to be held.

use std::collections::BTreeSet;

use super::rule::{Noisy, Rule};
use super::set::{RuleSet, origin};
use crate::dlp::exact::Origin;
use crate::limits::{DLP_CREDIT, DLP_FIRST_CREDIT, DLP_OVERLAP_BYTES, DLP_WINDOW_BYTES};

/// The rules' view of one text.
#[derive(Debug)]
pub(in crate::dlp) struct Windows {
    /// One byte of context, the end of the window before, and what is new.
    text: Vec<u8>,
    /// Where the window begins in it: behind the byte of context.
    begin: usize,
    /// How many bytes of it are new.
    fresh: usize,
    /// Which rules are to be applied.
    marks: Vec<bool>,
    /// How much of the text was looked at before its window was complete.
    looked: usize,
    credit: usize,
    undecided: Undecided,
    /// The rules that have reported.
    reported: BTreeSet<String>,
    /// How many bytes were searched by a rule, for tests of what it costs.
    work: usize,
}

/// Whether what has come may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undecided {
    /// It may.
    No,
    /// A rule matches in it.
    Matching,
    /// It was not looked at.
    Unknown,
}

impl Windows {
    /// Begins a text.
    pub(in crate::dlp) fn new(rules: &RuleSet) -> Self {
        Self {
            text: Vec::new(),
            begin: 0,
            fresh: 0,
            marks: rules.marks(),
            looked: 0,
            credit: DLP_FIRST_CREDIT,
            undecided: Undecided::No,
            reported: BTreeSet::new(),
            work: 0,
        }
    }

    /// Tells whether what has come must be held until more comes.
    pub(in crate::dlp) fn is_undecided(&self) -> bool {
        self.undecided != Undecided::No
    }

    /// Returns how many bytes were searched by rules so far.
    #[cfg(test)]
    pub(in crate::dlp) fn work(&self) -> usize {
        self.work
    }

    /// Takes the next piece. What stops nothing goes into `reports`.
    pub(in crate::dlp) fn push(
        &mut self,
        rules: &RuleSet,
        piece: &[u8],
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
        let mut rest = piece;
        self.credit = self.credit.saturating_add(piece.len() * DLP_CREDIT);
        while !rest.is_empty() {
            let room = DLP_WINDOW_BYTES.saturating_sub(self.fresh).max(1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            rest = later;
            self.take(rules, now);
            if self.fresh >= DLP_WINDOW_BYTES {
                let last = self.text.len().saturating_sub(DLP_OVERLAP_BYTES);
                if let Some(found) = self.judge(rules, last, reports) {
                    return Some(found);
                }
                self.turn(rules);
            }
        }
        self.look(rules);
        None
    }

    /// Judges by what has come, where a rule matches in it. What was too much to look at is not.
    pub(in crate::dlp) fn decide(
        &mut self,
        rules: &RuleSet,
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
        let was = std::mem::replace(&mut self.undecided, Undecided::No);
        if was == Undecided::Matching {
            self.judge(rules, usize::MAX, reports)
        } else {
            None
        }
    }

    /// Ends the text.
    pub(in crate::dlp) fn finish(
        &mut self,
        rules: &RuleSet,
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
        self.undecided = Undecided::No;
        self.judge(rules, usize::MAX, reports)
    }

    /// Takes bytes of one window, and marks the rules whose keywords are in them.
    fn take(&mut self, rules: &RuleSet, bytes: &[u8]) {
        let back = rules.longest_keyword().saturating_sub(1);
        let from = self
            .text
            .len()
            .saturating_sub(back)
            .max(self.begin.min(self.text.len()));
        self.text.extend_from_slice(bytes);
        self.fresh += bytes.len();
        rules.mark(self.text.get(from..).unwrap_or_default(), &mut self.marks);
    }

    /// Judges the window by all rules that are to be applied.
    fn judge(
        &mut self,
        rules: &RuleSet,
        last_start: usize,
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
        for rule in rules.marked(&self.marks) {
            // Once is enough to report.
            if rule.noisy == Noisy::Yes && self.reported.contains(&rule.id) {
                continue;
            }
            self.work += self.text.len();
            if rule.find(&self.text, self.begin, last_start).is_none() {
                continue;
            }
            match rule.noisy {
                Noisy::No => return Some(origin(rule)),
                Noisy::Yes => {
                    self.reported.insert(rule.id.clone());
                    reports.push(origin(rule));
                }
            }
        }
        None
    }

    /// Goes on to the next window.
    fn turn(&mut self, rules: &RuleSet) {
        let cut = self.text.len().saturating_sub(DLP_OVERLAP_BYTES + 1);
        self.text.drain(..cut);
        self.begin = 1;
        self.fresh = 0;
        self.looked = 0;
        self.marks = rules.marks();
        rules.mark(self.text.get(1..).unwrap_or_default(), &mut self.marks);
    }

    /// Looks at an incomplete window.
    fn look(&mut self, rules: &RuleSet) {
        let stops = |rule: &&Rule| rule.noisy == Noisy::No;
        let count = rules.marked(&self.marks).filter(stops).count();
        if count == 0 || self.looked == self.text.len() {
            self.looked = self.text.len();
            if count == 0 {
                self.undecided = Undecided::No;
            }
            return;
        }
        let from = self
            .looked
            .saturating_sub(DLP_OVERLAP_BYTES)
            .max(self.begin);
        let cost = count * self.text.len().saturating_sub(from);
        let Some(left) = self.credit.checked_sub(cost) else {
            self.undecided = Undecided::Unknown;
            return;
        };
        self.credit = left;
        self.work += cost;
        let matches = |rule: &Rule| rule.find(&self.text, from, usize::MAX).is_some();
        self.undecided = if rules.marked(&self.marks).filter(stops).any(matches) {
            // It is looked at again: more of the text may excuse it.
            Undecided::Matching
        } else {
            self.looked = self.text.len();
            Undecided::No
        };
    }
}
