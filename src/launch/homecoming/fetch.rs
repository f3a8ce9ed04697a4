//! Asks the guest what changed, and brings the contents out: into a folder of ours, under names of ours.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use bottle_contract::id::BottleId;
use bottle_contract::tree::{Change, ChangeLine, LINE_BYTES, Node, TakeLine, TreePath, Wanted};
use serde::de::DeserializeOwned;

use super::limits::{CHANGES, CHANGES_BYTES, CONTENT_BYTES, REASON};
use super::selection::Selection;
use crate::backends::Backend;
use crate::error::{Error, Result};
use crate::launch::signals::Signals;
use crate::process::{self, Drained, Input, Invocation, Talk};
use crate::state::{Base, BottleDir, ChangesWriter, SavedChange, Unread};
use crate::ui::printable_line;

/// Where changes are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The backend.
    pub backend: &'a dyn Backend,
    /// The bottle, which runs.
    pub id: &'a BottleId,
    /// Its folder.
    pub dir: &'a BottleDir,
    /// Until when an answer is waited for.
    pub deadline: Instant,
    /// What ends the wait before that, where it does.
    pub signals: Option<&'a Signals>,
}

/// Whether contents are brought out as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// They are, as far as the bound allows.
    Taken,
    /// Names will do.
    Left,
}

/// Brings out what changed. `None` when nothing did, and then nothing is written.
pub fn fetch(
    (origin, guest): (Origin<'_>, Option<Talk>),
    workdir: &str,
    (selection, contents): (&Selection, Contents),
    into: &Path,
) -> Result<Option<()>> {
    let told = guest.and_then(|guest| origin.ask_again(guest));
    let (changes, unread) = match told {
        Some(told) => told,
        None => origin.ask(workdir)?,
    };
    let changes: Vec<Change> = changes
        .into_iter()
        .filter(|change| !is_cache(&change.path))
        .collect();
    if changes.is_empty() && unread.is_empty() {
        return Ok(None);
    }
    let wanted = match contents {
        Contents::Taken => wanted(&changes, selection),
        Contents::Left => Vec::new(),
    };
    let writer = ChangesWriter::begin(into)?;
    let (writer, mut list) = origin.take(workdir, wanted, writer)?;
    let taken: BTreeSet<TreePath> = list.iter().map(|change| change.path.clone()).collect();
    let others = changes
        .into_iter()
        .filter(|change| !taken.contains(&change.path));
    list.extend(others.map(|change| {
        if contents == Contents::Taken && selection.holds(&change.path) {
            beyond(change)
        } else {
            without_content(change)
        }
    }));
    writer.finish(list, unread)?;
    Ok(Some(()))
}

/// git's index holds times and numbers of files on one machine: elsewhere it means nothing, and `git
/// status` alone changes it.
fn is_cache(path: &TreePath) -> bool {
    let mut parts = path.parts().rev();
    parts.next() == Some(b"index") && parts.next() == Some(b".git")
}

/// A change whose content is not here: it has none, or nobody asked for it.
fn without_content(change: Change) -> SavedChange {
    SavedChange {
        path: change.path,
        now: change.now,
        offset: None,
        missing: None,
    }
}

/// A change whose content was asked for, and is beyond the bound.
fn beyond(change: Change) -> SavedChange {
    let missing = match &change.now {
        Some(Node::Plain { size, .. }) => Some(format!(
            "its {size} bytes are beyond what is brought out at once, {} MiB",
            CONTENT_BYTES >> 20
        )),
        Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => None,
    };
    SavedChange {
        missing,
        ..without_content(change)
    }
}

/// The smallest come first, so that one large file keeps no others out.
fn wanted(changes: &[Change], selection: &Selection) -> Vec<Wanted> {
    let mut files: Vec<Wanted> = changes
        .iter()
        .filter(|change| selection.holds(&change.path))
        .filter_map(|change| match &change.now {
            Some(Node::Plain { size, .. }) => Some(Wanted {
                path: change.path.clone(),
                most: *size,
            }),
            Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => None,
        })
        .collect();
    files.sort_by_key(|file| file.most);
    let mut room = CONTENT_BYTES;
    files.retain(|file| match room.checked_sub(file.most) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    files
}

impl Origin<'_> {
    /// Calls the guest, within the time that is left for all calls together.
    fn call<T: Send + 'static>(
        &self,
        call: &Invocation,
        consumer: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let go_on = || self.goes_on();
        concluded(process::drain_while(call, self.left(), &go_on, consumer)?)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn goes_on(&self) -> bool {
        self.signals.is_none_or(|signals| signals.noted().is_none())
    }

    /// Asks the guest that unpacked the workspace. `None` where it does not answer, for whatever reason:
    /// then another one is asked.
    fn ask_again(&self, mut guest: Talk) -> Option<(Vec<Change>, Vec<Unread>)> {
        let base = Base::file(self.dir).ok()??;
        let ask = move |out: &mut dyn Write| {
            io::copy(&mut &*base, out)?;
            out.write_all(b"\n")
        };
        let go_on = || self.goes_on();
        let told = guest.exchange(self.left(), &go_on, ask, |from| read_changes(from));
        told.ok()
    }

    fn ask(&self, workdir: &str) -> Result<(Vec<Change>, Vec<Unread>)> {
        let base = Base::file(self.dir)?.ok_or_else(|| no_base(self.id))?;
        let call = self.backend.guest(self.id, &["changes", workdir])?;
        let call = call.with_stdin(Input::File(base));
        self.call(&call, |out| read_changes(out))
            .map_err(|error| error.context("could not compare with what the agent began with"))
    }

    /// Answers come in the order of the questions.
    fn take(
        &self,
        workdir: &str,
        wanted: Vec<Wanted>,
        mut writer: ChangesWriter,
    ) -> Result<(ChangesWriter, Vec<SavedChange>)> {
        if wanted.is_empty() {
            return Ok((writer, Vec::new()));
        }
        let mut lines = Vec::new();
        for want in &wanted {
            serde_json::to_writer(&mut lines, want).map_err(Error::internal)?;
            lines.push(b'\n');
        }
        let call = self.backend.guest(self.id, &["take", workdir])?;
        let call = call.with_stdin(Input::Bytes(lines));
        self.call(&call, move |out| {
            let mut out = BufReader::new(out);
            let taken = wanted
                .into_iter()
                .map(|want| take_one(&mut out, want, &mut writer))
                .collect::<io::Result<Vec<_>>>()?;
            Ok((writer, taken))
        })
        .map_err(|error| error.context("could not bring out what the agent changed"))
    }
}

pub(super) fn no_base(id: &BottleId) -> Error {
    Error::user(anyhow!("nothing tells what `{id}` began with")).hint(
        "only a workspace with `mode = \"copy\"` is compared; `bottle cp` copies files out of any bottle",
    )
}

/// The program's own complaint says more than a stream that is cut off.
fn concluded<T>(drained: Drained<T>) -> Result<T> {
    if !drained.captured.success() {
        let words = drained.captured.stderr_text().trim().to_owned();
        return Err(Error::engine(anyhow!("{words}")));
    }
    drained
        .value
        .context("the guest's answer could not be read")
        .map_err(Error::engine)
}

fn read_changes(out: impl Read) -> io::Result<(Vec<Change>, Vec<Unread>)> {
    let mut out = BufReader::new(out.take(CHANGES_BYTES));
    let (mut changes, mut unread) = (Vec::new(), Vec::new());
    loop {
        match line(&mut out)? {
            ChangeLine::Changed(change) => changes.push(change),
            ChangeLine::Unread { path, why } => unread.push(Unread {
                path: path.to_string(),
                why: reason(&why),
            }),
            ChangeLine::Done => return Ok((changes, unread)),
            ChangeLine::Cut => {
                unread.push(Unread {
                    path: ".".to_owned(),
                    why: format!(
                        "so much changed that the comparison ended after {} files and folders",
                        changes.len()
                    ),
                });
                return Ok((changes, unread));
            }
        }
        if changes.len() + unread.len() > CHANGES {
            return Err(io::Error::other("it has too many lines"));
        }
    }
}

/// Whoever answers for the guest may write what it likes: one line of it is enough.
fn reason(why: &str) -> String {
    let short: String = why.chars().take(REASON).collect();
    printable_line(&short).into_owned()
}

fn take_one(
    out: &mut BufReader<&mut dyn Read>,
    want: Wanted,
    writer: &mut ChangesWriter,
) -> io::Result<SavedChange> {
    match line(out)? {
        TakeLine::Content { mode, size } if size <= want.most => {
            let (offset, digest) = writer.add(out, size)?;
            let digest = Some(digest);
            Ok(SavedChange {
                path: want.path,
                now: Some(Node::Plain { mode, size, digest }),
                offset: Some(offset),
                missing: None,
            })
        }
        TakeLine::Content { .. } => Err(io::Error::other("a file is longer than was asked for")),
        TakeLine::Gone { why } => Ok(SavedChange {
            path: want.path,
            now: Some(Node::Plain {
                mode: 0,
                size: want.most,
                digest: None,
            }),
            offset: None,
            missing: Some(reason(&why)),
        }),
    }
}

fn line<T: DeserializeOwned>(out: &mut impl BufRead) -> io::Result<T> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
    out.take(most).read_until(b'\n', &mut bytes)?;
    if bytes.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn file(name: &str, size: u64) -> Change {
        Change {
            path: path(name),
            now: Some(Node::Plain {
                mode: 0o644,
                size,
                digest: None,
            }),
        }
    }

    #[test]
    fn one_large_file_keeps_no_others_out() {
        let changes = [file("huge", 5 << 30), file("b", 2), file("a", 1)];
        let names = |selection: &Selection| -> Vec<String> {
            let wanted = wanted(&changes, selection);
            wanted.iter().map(|file| file.path.to_string()).collect()
        };
        assert_eq!(names(&Selection::default()), ["a", "b"]);
        assert_eq!(names(&Selection::new(["b"]).unwrap()), ["b"]);
        let missing = beyond(changes[0].clone()).missing.unwrap();
        assert!(missing.contains("5368709120 bytes"), "{missing}");
    }

    #[test]
    fn an_answer_of_the_guest_is_an_attackers() {
        let read = |text: &str| read_changes(&mut text.as_bytes());
        let good = "{\"changed\":{\"path\":\"a\",\"now\":null}}\n\"done\"\n";
        assert_eq!(read(good).unwrap().0.len(), 1);
        for bad in [
            "{\"changed\":{\"path\":\"a\",\"now\":null}}\n",
            "{\"changed\":{\"path\":\"../a\",\"now\":null}}\n\"done\"\n",
            "{\"changed\":{\"path\":\"/a\",\"now\":null}}\n\"done\"\n",
            "\"done\"",
            "",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"x".repeat(LINE_BYTES * 2)).is_err());
        let cut = read("{\"changed\":{\"path\":\"a\",\"now\":null}}\n\"cut\"\n").unwrap();
        assert_eq!((cut.0.len(), cut.1[0].path.as_str()), (1, "."));
        let spoof = "{\"unread\":{\"path\":\"a\",\"why\":\"x\\nerror: \\u001b[2J\"}}\n\"done\"\n";
        assert_eq!(read(spoof).unwrap().1[0].why, "x\\nerror: \\u{1b}[2J");
    }

    #[test]
    fn an_answer_without_an_end_is_not_read_to_its_end() {
        /// Lines for ever, each as long as one may be.
        struct Flood(usize);
        impl Read for Flood {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let path = "x/".repeat(4000) + "x";
                let line = format!("{{\"unread\":{{\"path\":\"{path}\",\"why\":\"\"}}}}\n");
                for byte in into.iter_mut() {
                    *byte = line.as_bytes()[self.0 % line.len()];
                    self.0 += 1;
                }
                Ok(into.len())
            }
        }
        let mut flood = Flood(0);
        assert!(read_changes(&mut flood).is_err());
        assert!(flood.0 as u64 <= CHANGES_BYTES + 8192, "{}", flood.0);
    }

    #[test]
    fn more_than_was_asked_for_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let take = |answer: &str| {
            let mut writer = ChangesWriter::begin(&folder.path().join("changes")).unwrap();
            let mut bytes = answer.as_bytes();
            let mut out = BufReader::new(&mut bytes as &mut dyn Read);
            let want = Wanted {
                path: path("a"),
                most: 3,
            };
            take_one(&mut out, want, &mut writer)
        };
        let head = |size: u64| format!("{{\"file\":{{\"mode\":420,\"size\":{size}}}}}\n");
        assert_eq!(take(&(head(3) + "abc")).unwrap().offset, Some(0));
        assert!(take(&(head(4) + "abcd")).is_err());
        assert!(take(&(head(3) + "ab")).is_err());
        let gone = take("{\"gone\":{\"why\":\"x\"}}\n").unwrap();
        assert_eq!(gone.missing.as_deref(), Some("x"));
    }

    #[test]
    fn the_index_of_git_is_no_work() {
        for (name, expected) in [
            (".git/index", true),
            ("sub/.git/index", true),
            ("index", false),
            (".git/HEAD", false),
        ] {
            assert_eq!(is_cache(&path(name)), expected, "{name}");
        }
    }
}
