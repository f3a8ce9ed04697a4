//! How many requests were denied, counted from the audit log a piece at a time.
//!
//! A log may hold 256 MiB, and `bottle ls` shows many bottles at once. So what was counted is kept beside
//! the record, only what came since is read, and bounds say how much of that in one go, and for how long.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bottle_contract::audit::{NEWEST, numbered};
use memchr::{memmem, memrchr};
use serde::{Deserialize, Serialize};

use super::atomic::write_atomic;
use super::dirs::BottleDir;

/// What stands in the line of every denial, and in no other: inside a text its quotes would be escaped.
const DENIAL: &[u8] = b"\"verdict\":\"deny\"";
/// How much is read at once; a longer line cannot be one of ours.
const PIECE: u64 = 1 << 20;
/// How much must have come before it is worth keeping that it was counted.
const WORTH: u64 = 64 << 10;

/// How much of one log is read though the time is over: all of most logs.
const LEAST: u64 = 16 << 10;

/// How much may still be read.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    /// When the time for it is over.
    end: Option<Instant>,
    /// What may be read of this log even then.
    least: u64,
}

/// How many requests were denied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denials {
    /// As far as they were counted.
    pub count: u64,
    /// How far that is.
    pub reach: Reach,
}

/// How much of a log was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    #[default]
    Whole,
    /// A part: there may be more.
    Part,
}

/// How far a log was counted, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// How many of the full files.
    files: u64,
    /// How much of the file after them.
    offset: u64,
    /// The denials in all that.
    count: u64,
}

impl Budget {
    /// Allows this many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            left: bytes,
            end: None,
            least: 0,
        }
    }

    /// Allows them for this time only, and a little of each log after that.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self {
            end: Instant::now().checked_add(time),
            ..self
        }
    }

    /// Returns how many bytes are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    fn allowed(&self) -> u64 {
        match self.end {
            Some(end) if Instant::now() >= end => self.left.min(self.least),
            Some(_) | None => self.left,
        }
    }

    fn take(&mut self, read: u64) {
        self.left = self.left.saturating_sub(read);
        self.least = self.least.saturating_sub(read);
    }
}

/// Counts the denials of a bottle. What was counted before is not read again.
pub fn count_denials(dir: &BottleDir, budget: &mut Budget) -> io::Result<Denials> {
    let known = load(&dir.denials());
    let before = budget.left;
    budget.least = LEAST;
    let (mut seen, mut reach) = advance(&dir.audit_dir(), known, budget)?;
    if reach == Advance::Shrunk {
        // It is not the log that was counted.
        (seen, reach) = advance(&dir.audit_dir(), Seen::default(), budget)?;
    }
    if before.saturating_sub(budget.left) >= WORTH
        && let Ok(json) = serde_json::to_vec(&seen)
    {
        // Without it the next count takes longer, no more.
        write_atomic(&dir.denials(), &json).ok();
    }
    Ok(Denials {
        count: seen.count,
        reach: match reach {
            Advance::End => Reach::Whole,
            Advance::OutOfBudget | Advance::Shrunk => Reach::Part,
        },
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advance {
    End,
    OutOfBudget,
    /// A file is shorter than what was counted of it.
    Shrunk,
}

fn load(path: &Path) -> Seen {
    let bytes = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn advance(folder: &Path, mut seen: Seen, budget: &mut Budget) -> io::Result<(Seen, Advance)> {
    loop {
        let full = folder.join(numbered(seen.files.saturating_add(1)));
        let Some(file) = open(&full, folder)? else {
            return Ok((seen, Advance::End));
        };
        // Looked at after the file was opened: one that has a number by now grows no more.
        let is_full = full.exists();
        match count_in(file, &mut seen, budget)? {
            Advance::End if is_full => {
                seen.files = seen.files.saturating_add(1);
                seen.offset = 0;
            }
            other @ (Advance::End | Advance::OutOfBudget | Advance::Shrunk) => {
                return Ok((seen, other));
            }
        }
    }
}

/// Opens the full file, or the newest where there is no such one; a file keeps what it holds when it is renamed.
fn open(full: &Path, folder: &Path) -> io::Result<Option<File>> {
    let there = |path: PathBuf| match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(file) = there(full.to_owned())? {
        return Ok(Some(file));
    }
    let newest = there(folder.join(NEWEST))?;
    // It may have got its number in between, and another one may be the newest.
    match there(full.to_owned())? {
        Some(file) => Ok(Some(file)),
        None => Ok(newest),
    }
}

/// Counts in whole lines; half a line is left for the next time.
fn count_in(mut file: File, seen: &mut Seen, budget: &mut Budget) -> io::Result<Advance> {
    if file.metadata()?.len() < seen.offset {
        return Ok(Advance::Shrunk);
    }
    file.seek(SeekFrom::Start(seen.offset))?;
    let mut piece = Vec::new();
    loop {
        let bound = PIECE.min(budget.allowed());
        if bound == 0 {
            let rest = file.metadata()?.len() > seen.offset;
            return Ok(if rest {
                Advance::OutOfBudget
            } else {
                Advance::End
            });
        }
        let kept = length(&piece);
        (&mut file).take(bound).read_to_end(&mut piece)?;
        let read = length(&piece).saturating_sub(kept);
        budget.take(read);
        let Some(end) = memrchr(b'\n', &piece) else {
            if read == 0 || length(&piece) > PIECE {
                return Ok(Advance::End);
            }
            continue;
        };
        let rest = piece.split_off(end.saturating_add(1));
        let denials = memmem::find_iter(&piece, DENIAL).count();
        seen.count = seen
            .count
            .saturating_add(u64::try_from(denials).unwrap_or_default());
        seen.offset = seen.offset.saturating_add(length(&piece));
        piece = rest;
        if read == 0 {
            return Ok(Advance::End);
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "denials_tests.rs"]
mod tests;
