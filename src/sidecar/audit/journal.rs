//! The files of the log: lines are only ever appended, each with the digest of the one before it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bottle_contract::audit::{AuditRecord, Head, number_in, numbered};
use ring::digest::{SHA256, digest};

use crate::limits::{AUDIT_BYTES, AUDIT_FILE_BYTES, AUDIT_HELD_BYTES, AUDIT_LINE_BYTES};

/// The log's files, the newest of which is open.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    kind: Kind,
    file: File,
    /// What the newest file holds.
    bytes: u64,
    /// What all files hold.
    total: u64,
    /// How many files were full and got a number.
    rotated: u64,
    head: Head,
    /// Whole lines that have their place in the chain and are still to be written.
    held: Vec<u8>,
    state: State,
    bounds: Bounds,
}

/// How much the files may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// One of them.
    pub(super) file: u64,
    /// All of them.
    pub(super) total: u64,
}

/// What the log is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A file, which can be cut back and renamed.
    Regular,
    /// A pipe or a device, which cannot.
    Other,
}

/// Whether the last line is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    /// Half a line stands at the end and could not be taken away: nothing may follow it.
    Torn,
}

/// What earlier files of the log hold.
#[derive(Default)]
struct Earlier {
    bytes: u64,
    last: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            file: AUDIT_FILE_BYTES,
            total: AUDIT_BYTES,
        }
    }
}

impl Journal {
    /// Opens the log, readable by its owner only, and goes on where it ends.
    pub(super) fn open(path: &Path, bounds: Bounds) -> io::Result<Self> {
        let file = open(path)?;
        let found = file.metadata()?;
        let kind = if found.is_file() {
            Kind::Regular
        } else {
            Kind::Other
        };
        let mut journal = Self {
            path: path.to_owned(),
            kind,
            file,
            bytes: 0,
            total: 0,
            rotated: 0,
            head: Head::default(),
            held: Vec::new(),
            state: State::Sound,
            bounds,
        };
        if kind == Kind::Regular {
            journal.take_up(found.len())?;
        }
        Ok(journal)
    }

    /// Finds where the lines end that are there already.
    fn take_up(&mut self, bytes: u64) -> io::Result<()> {
        let earlier = earlier(&self.path)?;
        self.bytes = bytes;
        self.total = bytes.saturating_add(earlier.bytes);
        self.rotated = earlier.last;
        let last = if bytes > 0 {
            Some(self.path.clone())
        } else if earlier.last > 0 {
            Some(self.path.with_file_name(numbered(earlier.last)))
        } else {
            None
        };
        if let Some(last) = last {
            self.head = head_of(&last)?;
        }
        Ok(())
    }

    /// Appends a line that carries these members of a JSON object beside its place in the chain, and
    /// writes it with all that was held. An error means that it is not in the log.
    pub(super) fn append(&mut self, members: &[u8]) -> io::Result<()> {
        let (line, head) = self.next(members)?;
        let before = self.held.len();
        self.held.extend_from_slice(&line);
        if let Err(error) = self.write_held() {
            self.held.truncate(before);
            return Err(error);
        }
        self.head = head;
        Ok(())
    }

    /// Puts a line behind all others and leaves it to be written with the next one, or by
    /// [`Self::write_held`]. Tells whether it is the only one that waits.
    pub(super) fn hold(&mut self, members: &[u8]) -> io::Result<bool> {
        let (line, head) = self.next(members)?;
        if self.held.len().saturating_add(line.len()) > AUDIT_HELD_BYTES {
            self.write_held()?;
        }
        let only = self.held.is_empty();
        self.held.extend_from_slice(&line);
        self.head = head;
        Ok(only)
    }

    /// Writes what is held. What cannot be written stays held.
    pub(super) fn write_held(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let length = length_of(&self.held);
        if self.kind == Kind::Regular
            && self.bytes > 0
            && self.bytes.saturating_add(length) > self.bounds.file
        {
            self.rotate()?;
        }
        self.write()?;
        self.held.clear();
        self.bytes = self.bytes.saturating_add(length);
        self.total = self.total.saturating_add(length);
        Ok(())
    }

    /// Makes the next line, and the head of a chain that ends with it.
    fn next(&self, members: &[u8]) -> io::Result<(Vec<u8>, Head)> {
        if self.state == State::Torn {
            return Err(io::Error::other("the log ends in half a line"));
        }
        let seq = self.head.seq.saturating_add(1);
        let line = self.line(seq, members);
        let waiting = length_of(&self.held).saturating_add(length_of(&line));
        if self.total.saturating_add(waiting) > self.bounds.total {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the audit log is as large as it may be",
            ));
        }
        let hash = hash(line.strip_suffix(b"\n").unwrap_or(&line));
        Ok((line, Head { seq, hash }))
    }

    /// Returns where the chain ends.
    pub(super) fn head(&self) -> Head {
        self.head.clone()
    }

    fn line(&self, seq: u64, members: &[u8]) -> Vec<u8> {
        let place = format!("{{\"seq\":{seq},\"prev\":\"{}\",", self.head.hash);
        [place.as_bytes(), members, b"}\n"].concat()
    }

    /// Writes in one call: a reader beside it sees whole lines.
    fn write(&mut self) -> io::Result<()> {
        let outcome = match (&self.file).write(&self.held) {
            Ok(written) if written == self.held.len() => return Ok(()),
            // Nothing of it was taken.
            Err(error) if self.kind == Kind::Other => return Err(error),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "the line was written in part only",
            )),
            Err(error) => Err(error),
        };
        self.cut_back();
        outcome
    }

    /// Takes away what came of a line that was refused; where that fails nothing may follow it.
    fn cut_back(&mut self) {
        if self.kind == Kind::Other || self.file.set_len(self.bytes).is_err() {
            self.state = State::Torn;
        }
    }

    /// Gives the newest file its number and begins another one.
    fn rotate(&mut self) -> io::Result<()> {
        let number = self.rotated.saturating_add(1);
        let name = self.path.with_file_name(numbered(number));
        fs::rename(&self.path, &name)?;
        match open(&self.path) {
            Ok(file) => {
                self.file = file;
                self.bytes = 0;
                self.rotated = number;
                Ok(())
            }
            Err(error) => {
                // The error is what counts; without its name back the next try fails as well.
                fs::rename(&name, &self.path).ok();
                Err(error)
            }
        }
    }
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Returns the SHA-256 of a line, in hex.
fn hash(line: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble))
            .map_or('0', |d| char::from(*d))
    };
    digest(&SHA256, line)
        .as_ref()
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Looks for the files that were full before.
fn earlier(path: &Path) -> io::Result<Earlier> {
    let mut earlier = Earlier::default();
    let Some(folder) = path.parent() else {
        return Ok(earlier);
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(number_in) {
            earlier.last = earlier.last.max(number);
            earlier.bytes = earlier.bytes.saturating_add(entry.metadata()?.len());
        }
    }
    Ok(earlier)
}

/// Reads the last line of a file. Half a line is an error: nothing can be bound to it.
fn head_of(path: &Path) -> io::Result<Head> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(AUDIT_LINE_BYTES)))?;
    let mut tail = Vec::new();
    file.take(AUDIT_LINE_BYTES).read_to_end(&mut tail)?;
    let lines = tail
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged("it ends in half a line"))?;
    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
    let record: AuditRecord =
        serde_json::from_slice(line).map_err(|_| damaged("its last line is damaged"))?;
    Ok(Head {
        seq: record.seq,
        hash: hash(line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of the empty text and of `abc` (FIPS 180-4's own examples).
    #[test]
    fn the_digest_is_sha_256_in_hex() {
        assert_eq!(
            hash(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hash(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    fn records(texts: &[String]) -> Vec<(AuditRecord, String)> {
        texts
            .iter()
            .flat_map(|text| text.lines())
            .map(|line| (serde_json::from_str(line).unwrap(), hash(line.as_bytes())))
            .collect()
    }

    const MEMBERS: &[u8] = br#""time":"T","event":"later","more":[1]"#;

    #[test]
    fn each_line_has_its_number_and_the_digest_of_the_one_before_also_across_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let bounds = Bounds {
            file: 300,
            total: 10_000,
        };
        for _ in 0..2 {
            // Opened again, it goes on where it ended.
            let mut journal = Journal::open(&path, bounds).unwrap();
            for _ in 0..4 {
                journal.append(MEMBERS).unwrap();
            }
        }
        let names = [
            "audit.1.jsonl",
            "audit.2.jsonl",
            "audit.3.jsonl",
            "audit.jsonl",
        ];
        let texts = names.map(|name| text(&dir.path().join(name)));
        assert!(
            texts.iter().all(|text| text.lines().count() == 2),
            "{texts:?}"
        );
        let records = records(&texts);
        assert_eq!(records.len(), 8);
        let mut before = Head::default();
        for (record, hash) in records {
            assert_eq!((record.seq, &record.prev), (before.seq + 1, &before.hash));
            before = Head {
                seq: record.seq,
                hash,
            };
        }
        assert_eq!(Journal::open(&path, bounds).unwrap().head(), before);
    }

    #[test]
    fn a_log_that_is_full_takes_no_more_however_many_files_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut journal = Journal::open(&path, Bounds::default()).unwrap();
        journal.append(MEMBERS).unwrap();
        let one = journal.bytes;
        journal.bounds = Bounds {
            file: one,
            total: one * 3,
        };
        journal.append(MEMBERS).unwrap();
        journal.append(MEMBERS).unwrap();
        assert!(dir.path().join("audit.2.jsonl").exists());
        let full = journal.append(MEMBERS).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        // What earlier files hold counts after it was opened again, too.
        let mut again = Journal::open(&path, journal.bounds).unwrap();
        assert!(again.append(MEMBERS).is_err());
        again.bounds.total = one * 4;
        again.append(MEMBERS).unwrap();
    }

    #[test]
    fn what_ends_in_half_a_line_or_in_another_text_is_not_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let whole = r#"{"seq":7,"prev":"","time":"T","event":"later"}"#;
        for (text, seq) in [
            (format!("{whole}\n"), Some(7)),
            (whole.to_owned(), None),
            (format!("{whole}\n{{\"se"), None),
            ("no log\n".to_owned(), None),
        ] {
            File::create(&path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            let opened = Journal::open(&path, Bounds::default()).map(|journal| journal.head().seq);
            assert_eq!(opened.ok(), seq, "{text}");
        }
    }

    #[test]
    fn half_a_line_is_taken_away_again_or_nothing_follows_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut journal = Journal::open(&path, Bounds::default()).unwrap();
        journal.append(MEMBERS).unwrap();
        let whole = text(&path);
        (&journal.file).write_all(b"{\"seq\":2,").unwrap();
        journal.cut_back();
        assert_eq!(text(&path), whole);
        journal.append(MEMBERS).unwrap();
        assert_eq!(records(&[text(&path)]).len(), 2);

        let mut device = Journal::open(Path::new("/dev/null"), Bounds::default()).unwrap();
        device.append(MEMBERS).unwrap();
        device.cut_back();
        assert!(device.append(MEMBERS).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_renamed_takes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut journal = Journal::open(&path, Bounds::default()).unwrap();
        journal.append(MEMBERS).unwrap();
        journal.bounds.file = journal.bytes;
        // A folder that is not empty has the name which comes next.
        fs::create_dir_all(dir.path().join("audit.1.jsonl/x")).unwrap();
        assert!(journal.append(MEMBERS).is_err());
        fs::remove_dir_all(dir.path().join("audit.1.jsonl")).unwrap();
        journal.append(MEMBERS).unwrap();
        assert_eq!(journal.head().seq, 2);
    }
}
