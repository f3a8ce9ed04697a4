//! `guest changes`: compares a folder with what it was when the agent began.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use bottle_contract::tree::{
    BaseEntry, BaseHead, Change, ChangeLine, Node, Origin, Prior, RawText, Stamp, TreePath,
};

use super::limits::{CHANGES, CHANGES_BYTES, COPY_BUFFER};
use super::survey::{self, Found};

/// Reads a base, and writes a line for everything that is not as the base says.
///
/// A file whose content was not touched since is not read: the kernel keeps a time of the last change
/// that nobody can set.
pub(super) fn changes(dir: &Path, base: impl Read, output: impl Write) -> anyhow::Result<()> {
    let mut base = BufReader::with_capacity(COPY_BUFFER, base);
    let (head, before) = read_base(&mut base)?;
    let mut comparison = Comparison {
        dir,
        head,
        before,
        unread: BTreeSet::new(),
        lines: Lines {
            out: BufWriter::with_capacity(COPY_BUFFER, output),
            written: 0,
            bytes: 0,
        },
    };
    let flow = survey::walk(dir, &mut |found| match found {
        Found::Entry(path, metadata) => comparison.entry(path, metadata),
        Found::Unread(path, why) => comparison.unread(path, why),
    })?;
    let flow = match flow {
        ControlFlow::Continue(()) => comparison.gone()?,
        // What was not seen may be there.
        ControlFlow::Break(()) => flow,
    };
    comparison.lines.end(match flow {
        ControlFlow::Continue(()) => &ChangeLine::Done,
        ControlFlow::Break(()) => &ChangeLine::Cut,
    })
}

fn read_base(from: &mut impl BufRead) -> anyhow::Result<(BaseHead, BTreeMap<TreePath, BaseEntry>)> {
    let head = survey::line(from)?.context("there is no base on standard input")?;
    let mut entries = BTreeMap::new();
    while let Some(entry) = survey::line::<BaseEntry>(from)? {
        entries.insert(entry.path.clone(), entry);
    }
    Ok((head, entries))
}

struct Comparison<'a, W: Write> {
    dir: &'a Path,
    head: BaseHead,
    /// What was not seen yet.
    before: BTreeMap<TreePath, BaseEntry>,
    /// What could not be looked at: nothing is known about what is below.
    unread: BTreeSet<Vec<u8>>,
    lines: Lines<W>,
}

impl<W: Write> Comparison<'_, W> {
    fn entry(&mut self, path: TreePath, metadata: &Metadata) -> anyhow::Result<ControlFlow<()>> {
        let before = self.before.remove(&path);
        let place = survey::place(self.dir, &path);
        let outcome = survey::node(&place, metadata).and_then(|now| {
            let same = match &before {
                Some(before) => is_same(before, &now, metadata, self.head.stamp, &place)?,
                None => self.is_prior(metadata),
            };
            Ok((!same).then_some(now))
        });
        match outcome {
            Ok(None) => Ok(ControlFlow::Continue(())),
            Ok(now) => self.lines.write(&ChangeLine::Changed(Change { path, now })),
            Err(error) => self.unread(RawText::new(path.as_bytes()), error.to_string()),
        }
    }

    /// Tells whether something that was not copied in was there before, and nobody touched it since.
    fn is_prior(&self, metadata: &Metadata) -> bool {
        self.head.prior == Prior::Image && survey::changed_at(metadata) <= self.head.stamp
    }

    fn unread(&mut self, path: RawText, why: String) -> anyhow::Result<ControlFlow<()>> {
        self.unread.insert(path.as_bytes().to_vec());
        self.lines.write(&ChangeLine::Unread { path, why })
    }

    /// What was not seen is gone, but for what nobody could look at. The host never had what was the image's.
    fn gone(&mut self) -> anyhow::Result<ControlFlow<()>> {
        for (path, entry) in &self.before {
            let mut above = path.folders().chain([path.as_bytes()]);
            if entry.origin == Origin::Image || above.any(|folder| self.unread.contains(folder)) {
                continue;
            }
            let change = Change {
                path: path.clone(),
                now: None,
            };
            if self.lines.write(&ChangeLine::Changed(change))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn is_same(
    before: &BaseEntry,
    now: &Node,
    metadata: &Metadata,
    stamp: Stamp,
    place: &Path,
) -> std::io::Result<bool> {
    let (
        Node::Plain { mode, size, digest },
        Node::Plain {
            mode: mode_now,
            size: size_now,
            ..
        },
    ) = (&before.node, now)
    else {
        return Ok(before.node == *now);
    };
    if (mode, size) != (mode_now, size_now) {
        return Ok(false);
    }
    // A clock that was set back is found by the file's own time, as long as nobody forged that too: what was
    // unpacked has whole seconds.
    let untouched = survey::changed_at(metadata) <= stamp
        && before.modified == Some(metadata.mtime())
        && metadata.mtime_nsec() == 0;
    if untouched {
        return Ok(true);
    }
    match digest {
        Some(digest) => Ok(survey::digest_of(place)? == *digest),
        None => Ok(false),
    }
}

struct Lines<W: Write> {
    out: BufWriter<W>,
    written: usize,
    bytes: usize,
}

impl<W: Write> Lines<W> {
    /// Writes a line, unless that is one too many.
    fn write(&mut self, line: &ChangeLine) -> anyhow::Result<ControlFlow<()>> {
        let mut text = serde_json::to_vec(line).context("cannot encode the answer")?;
        text.push(b'\n');
        self.written += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.written > CHANGES || self.bytes > CHANGES_BYTES {
            return Ok(ControlFlow::Break(()));
        }
        self.put(&text)?;
        Ok(ControlFlow::Continue(()))
    }

    fn end(mut self, line: &ChangeLine) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line).context("cannot encode the answer")?;
        text.push(b'\n');
        self.put(&text)?;
        let flushed = self.out.flush();
        flushed.context("cannot write to standard output")
    }

    fn put(&mut self, text: &[u8]) -> anyhow::Result<()> {
        let written = self.out.write_all(text);
        written.context("cannot write to standard output")
    }
}
