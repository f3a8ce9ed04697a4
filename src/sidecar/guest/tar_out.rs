//! `guest tar-out`: writes a file or a folder as a tar stream.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tar::{Builder, Header};

use super::call::complain;
use super::limits::COPY_BUFFER;
use super::survey;

/// Writes the path and what is beneath it; the top entry is its file name.
///
/// Links stay links. Devices, pipes and sockets are left out with a note. A
/// file with several names is written once for each.
pub(super) fn tar_out(path: &Path, output: impl Write) -> anyhow::Result<()> {
    let Some(name) = path.file_name() else {
        bail!("`{}` has no file name", path.display());
    };
    // A missing start is an error; what goes missing beneath it is not.
    fs::symlink_metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut archive = Builder::new(BufWriter::with_capacity(COPY_BUFFER, output));
    let mut waiting = vec![(path.to_owned(), PathBuf::from(name))];
    while let Some((path, name)) = waiting.pop() {
        let entry = Entry { path, name };
        let children = entry
            .write(&mut archive)
            .with_context(|| format!("cannot write `{}` as a tar entry", entry.path.display()))?;
        waiting.extend(children);
    }
    archive
        .into_inner()
        .and_then(|mut buffer| buffer.flush())
        .context("cannot write to standard output")
}

/// One path, and the name it has in the stream.
struct Entry {
    path: PathBuf,
    name: PathBuf,
}

impl Entry {
    /// Writes the entry; returns what is in it when it is a folder.
    fn write(&self, archive: &mut Builder<impl Write>) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        let metadata = match fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.note("it went away");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(&self.path)?;
            let mut header = header(&metadata, 0);
            archive.append_link(&mut header, &self.name, target)?;
        } else if kind.is_dir() {
            archive.append_data(&mut header(&metadata, 0), &self.name, io::empty())?;
            return self.children();
        } else if kind.is_file() {
            self.write_file(archive)?;
        } else {
            self.note("it is a device, a pipe or a socket");
        }
        Ok(Vec::new())
    }

    /// Returns the children so that popping from the end goes in the order of their names.
    fn children(&self) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        let mut names = fs::read_dir(&self.path)?
            .map(|child| Ok(child?.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        let child = |name| (self.path.join(&name), self.name.join(&name));
        Ok(names.into_iter().map(child).collect())
    }

    fn write_file(&self, archive: &mut Builder<impl Write>) -> io::Result<()> {
        let file = survey::open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            self.note("it changed its kind");
            return Ok(());
        }
        // The stream promises a length first; a file that grows is cut, one that shrinks is filled up.
        let mut body = Exactly::new(file, metadata.len());
        archive.append_data(
            &mut header(&metadata, metadata.len()),
            &self.name,
            &mut body,
        )?;
        if body.short {
            self.note_changed();
        }
        Ok(())
    }

    fn note(&self, why: &str) {
        complain(&format_args!("left out `{}`: {why}", self.path.display()));
    }

    fn note_changed(&self) {
        complain(&format_args!(
            "`{}` became shorter while it was read; its end is filled with zeros",
            self.path.display()
        ));
    }
}

fn header(metadata: &Metadata, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_size(size);
    header
}

/// A file that is read to exactly the length that was promised.
pub(super) struct Exactly {
    file: File,
    left: u64,
    short: bool,
}

impl Exactly {
    pub(super) fn new(file: File, left: u64) -> Self {
        Self {
            file,
            left,
            short: false,
        }
    }
}

impl io::Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        let into = into.get_mut(..room).unwrap_or_default();
        let mut length = if self.short { 0 } else { self.file.read(into)? };
        if length == 0 && room > 0 {
            self.short = true;
            into.fill(0);
            length = room;
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}
