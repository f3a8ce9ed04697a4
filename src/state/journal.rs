//! The lines of an audit log, in order over all its files, also while a sidecar writes them.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use bottle_contract::audit::{NEWEST, number_in, numbered};

/// The longest line that is read. A sidecar writes at most some hundred KiB in one.
const LINE_BYTES: usize = 1 << 20;

/// How often the newest file is looked for while the sidecar renames it: once is the usual.
const TRIES: usize = 16;

/// The audit log of a bottle, from where it was read to.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    open: Open,
    /// A line whose end is not written yet.
    partial: Vec<u8>,
}

/// One line of an audit log, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The name of its file.
    pub file: String,
    /// Its number in that file, from 1.
    pub number: u64,
    /// What it says, without its end.
    pub bytes: Vec<u8>,
}

/// The file that is read.
#[derive(Debug)]
struct Open {
    lines: BufReader<File>,
    /// The number that it has; `None` while it is the newest.
    number: Option<u64>,
    /// The number of the file before it.
    after: u64,
    /// The number of the line that was read last.
    line: u64,
}

impl Journal {
    /// Opens the log in a bottle's audit folder at its first line.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            open: Open::after(folder, 0)?,
            folder: folder.to_owned(),
            partial: Vec::new(),
        })
    }

    /// Returns the next line. `None` means that there is no other one for now.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.whole_line()? {
                return Ok(Some(line));
            }
            let Some(following) = self.following()? else {
                return Ok(None);
            };
            // The file grows no more: what came after the last look, and half a line, are all of it.
            if let Some(line) = self.whole_line()? {
                return Ok(Some(line));
            }
            let rest = (!self.partial.is_empty()).then(|| self.line());
            self.open = following;
            if rest.is_some() {
                return Ok(rest);
            }
        }
    }

    /// Returns what stands after the last whole line: half a line, from a crash or just being written.
    pub fn torn(&self) -> Option<&[u8]> {
        (!self.partial.is_empty()).then_some(&self.partial)
    }

    fn whole_line(&mut self) -> io::Result<Option<Line>> {
        let room = LINE_BYTES.saturating_sub(self.partial.len());
        let mut bounded = (&mut self.open.lines).take(u64::try_from(room).unwrap_or(u64::MAX));
        bounded.read_until(b'\n', &mut self.partial)?;
        if self.partial.last() == Some(&b'\n') {
            self.partial.pop();
            return Ok(Some(self.line()));
        }
        if self.partial.len() >= LINE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line is longer than {LINE_BYTES} bytes"),
            ));
        }
        Ok(None)
    }

    fn line(&mut self) -> Line {
        self.open.line = self.open.line.saturating_add(1);
        Line {
            file: self.open.number.map_or_else(|| NEWEST.to_owned(), numbered),
            number: self.open.line,
            bytes: std::mem::take(&mut self.partial),
        }
    }

    /// Opens the file after this one; `None` where this is the newest, or where the newest is gone.
    fn following(&mut self) -> io::Result<Option<Open>> {
        let number = match self.open.number {
            Some(number) => number,
            None => match least_above(&self.folder, self.open.after)? {
                None => return Ok(None),
                Some(number) => {
                    self.open.number = Some(number);
                    number
                }
            },
        };
        match Open::after(&self.folder, number) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}

impl Open {
    fn after(folder: &Path, after: u64) -> io::Result<Self> {
        let opened = |file, number| Self {
            lines: BufReader::new(file),
            number,
            after,
            line: 0,
        };
        for _ in 0..TRIES {
            if let Some(number) = least_above(folder, after)? {
                let file = File::open(folder.join(numbered(number)))?;
                return Ok(opened(file, Some(number)));
            }
            let newest = File::open(folder.join(NEWEST));
            // A file that got its number in between comes before the one that was opened.
            if least_above(folder, after)?.is_none() {
                return Ok(opened(newest?, None));
            }
        }
        Err(io::Error::other(
            "its files change faster than they can be read",
        ))
    }
}

/// Finds the least number above this one that a file of the log has.
fn least_above(folder: &Path, number: u64) -> io::Result<Option<u64>> {
    let mut least = None;
    for entry in fs::read_dir(folder)? {
        let found = entry?.file_name().to_str().and_then(number_in);
        least = match (least, found.filter(|found| *found > number)) {
            (Some(least), Some(found)) => Some(found.min(least)),
            (least, found) => least.or(found),
        };
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn put(folder: &Path, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(folder.join(name))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rest(journal: &mut Journal) -> Vec<String> {
        std::iter::from_fn(|| journal.next_line().unwrap())
            .map(|line| {
                let text = String::from_utf8(line.bytes).unwrap();
                format!("{}:{}:{text}", line.file, line.number)
            })
            .collect()
    }

    #[test]
    fn the_files_are_read_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(Journal::open(folder).is_err());
        put(folder, "audit.jsonl", "e\nhalf");
        put(folder, "audit.10.jsonl", "d\n");
        put(folder, "audit.9.jsonl", "c\n");
        put(folder, "audit.1.jsonl", "a\nb\n");
        put(folder, "audit.1.jsonl.bak", "x\n");
        let mut journal = Journal::open(folder).unwrap();
        assert_eq!(
            rest(&mut journal),
            [
                "audit.1.jsonl:1:a",
                "audit.1.jsonl:2:b",
                "audit.9.jsonl:1:c",
                "audit.10.jsonl:1:d",
                "audit.jsonl:1:e",
            ]
        );
        assert_eq!(journal.torn(), Some(&b"half"[..]));
    }

    #[test]
    fn a_reader_follows_when_the_file_under_it_gets_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        put(folder, NEWEST, "a\n");
        let mut journal = Journal::open(folder).unwrap();
        assert_eq!(rest(&mut journal), ["audit.jsonl:1:a"]);
        put(folder, NEWEST, "b\n");
        for number in [1, 2] {
            fs::rename(folder.join(NEWEST), folder.join(numbered(number))).unwrap();
            put(folder, NEWEST, &format!("c{number}\n"));
        }
        assert_eq!(
            rest(&mut journal),
            ["audit.jsonl:2:b", "audit.2.jsonl:1:c1", "audit.jsonl:1:c2"]
        );
        put(folder, NEWEST, "d\n");
        assert_eq!(rest(&mut journal), ["audit.jsonl:2:d"]);
    }

    #[test]
    fn a_line_without_an_end_is_no_line_unless_others_follow() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        put(folder, NEWEST, "a\nha");
        let mut journal = Journal::open(folder).unwrap();
        assert_eq!(rest(&mut journal), ["audit.jsonl:1:a"]);
        put(folder, NEWEST, "lf\ntor");
        assert_eq!(rest(&mut journal), ["audit.jsonl:2:half"]);
        fs::rename(folder.join(NEWEST), folder.join(numbered(1))).unwrap();
        put(folder, NEWEST, "b\n");
        assert_eq!(
            rest(&mut journal),
            ["audit.1.jsonl:3:tor", "audit.jsonl:1:b"]
        );
        assert_eq!(journal.torn(), None);
    }

    #[test]
    fn a_line_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        put(folder, NEWEST, &"x".repeat(LINE_BYTES - 1));
        put(folder, NEWEST, "\n");
        assert!(
            Journal::open(folder)
                .unwrap()
                .next_line()
                .unwrap()
                .is_some()
        );
        put(folder, NEWEST, &"x".repeat(LINE_BYTES));
        let mut journal = Journal::open(folder).unwrap();
        journal.next_line().unwrap();
        assert!(journal.next_line().is_err());
    }
}
