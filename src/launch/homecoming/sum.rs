//! The changes of a bottle in one line.

use std::fmt;

use super::review::{Item, What};

/// How many files and links are other ones now. A folder counts where
/// nothing that is in it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    changed: usize,
    new: usize,
    deleted: usize,
    /// git's own records, which nobody reads one by one.
    records: usize,
}

impl Sum {
    /// Counts.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut sum = Self::default();
        for item in items.into_iter().filter(|item| !item.implied) {
            if item.record {
                sum.records += 1;
                continue;
            }
            match item.what() {
                What::Changed => sum.changed += 1,
                What::New => sum.new += 1,
                What::Deleted => sum.deleted += 1,
            }
        }
        sum
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = [
            (self.changed, "changed"),
            (self.new, "new"),
            (self.deleted, "deleted"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
        if self.records > 0 {
            parts.push("git's own records".to_owned());
        }
        out.write_str(&parts.join(", "))
    }
}
