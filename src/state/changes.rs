//! What an agent changed, as it lies in a folder: a list, and the contents of all files in one.
//!
//! Nothing here has a name that an agent chose.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use bottle_contract::tree::{Node, TreePath, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::atomic::write_atomic;
use super::error::StateError;
use super::json;

/// Something that an agent changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChange {
    /// Where.
    pub path: TreePath,
    /// What is there now; `None` when nothing is. A file whose content is here has its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Node>,
    /// Where the content of a file begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Why the content of a file is not here, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// What could not be looked at in a bottle, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Where, as text.
    pub path: String,
    /// Why.
    pub why: String,
}

/// All that an agent changed.
#[derive(Debug)]
pub struct Changes {
    /// What, in the order of the paths.
    pub list: Vec<SavedChange>,
    /// What could not be looked at.
    pub unread: Vec<Unread>,
    contents: File,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    changes: Vec<SavedChange>,
    unread: Vec<Unread>,
}

/// Writes a folder of changes.
#[derive(Debug)]
pub struct ChangesWriter {
    folder: PathBuf,
    contents: BufWriter<File>,
    end: u64,
}

impl ChangesWriter {
    /// Makes the folder, in the place of one that may be there.
    pub fn begin(folder: &Path) -> Result<Self, StateError> {
        let failed = StateError::io("create", folder);
        let contents = fresh(folder).and_then(|()| File::create_new(folder.join(CONTENTS)));
        Ok(Self {
            contents: BufWriter::new(contents.map_err(failed)?),
            folder: folder.to_owned(),
            end: 0,
        })
    }

    /// Takes the next content of exactly this length; returns where it begins, and its digest.
    pub fn add(&mut self, content: &mut dyn Read, size: u64) -> io::Result<(u64, String)> {
        let mut hashing = Hashing {
            content: content.take(size),
            digest: Sha256::new(),
        };
        let copied = io::copy(&mut hashing, &mut self.contents)?;
        if copied != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let offset = self.end;
        self.end = self.end.saturating_add(size);
        Ok((offset, hex(&hashing.digest.finalize())))
    }

    /// Writes the list, which makes it whole.
    pub fn finish(
        mut self,
        mut changes: Vec<SavedChange>,
        unread: Vec<Unread>,
    ) -> Result<(), StateError> {
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        let path = self.folder.join(LIST);
        let listed = Listed { changes, unread };
        let written = self.contents.flush();
        let written = written.and_then(|()| self.contents.get_ref().sync_all());
        let json = written.and_then(|()| Ok(serde_json::to_vec(&listed)?));
        write_atomic(&path, &json.map_err(StateError::io("write", &path))?)
    }
}

impl Changes {
    /// Opens a folder of changes. `None` where there is no whole one.
    pub fn open(folder: &Path) -> Result<Option<Self>, StateError> {
        let Some(listed) = json::load::<Listed>(&folder.join(LIST))? else {
            return Ok(None);
        };
        let path = folder.join(CONTENTS);
        let contents = File::open(&path).map_err(StateError::io("open", &path))?;
        Ok(Some(Self {
            list: listed.changes,
            unread: listed.unread,
            contents,
        }))
    }

    /// Tells whether somebody began to write a folder of changes and did not come to its end.
    pub fn is_half(folder: &Path) -> bool {
        folder.exists() && !folder.join(LIST).exists()
    }

    /// Removes a folder of changes. Succeeds when there is none.
    pub fn forget(folder: &Path) -> Result<(), StateError> {
        removed(folder).map_err(StateError::io("remove", folder))
    }

    /// Reads the content of a file; `None` where it is not here.
    pub fn content(&self, change: &SavedChange) -> Option<Content<'_>> {
        match (&change.now, change.offset) {
            (Some(Node::Plain { size, .. }), Some(offset)) => Some(Content {
                contents: &self.contents,
                offset,
                left: *size,
            }),
            (Some(_) | None, _) => None,
        }
    }
}

/// The content of one file.
#[derive(Debug)]
pub struct Content<'a> {
    contents: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        let into = into.get_mut(..room).unwrap_or_default();
        let length = self.contents.read_at(into, self.offset)?;
        if length == 0 && room > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let moved = u64::try_from(length).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(moved);
        self.left = self.left.saturating_sub(moved);
        Ok(length)
    }
}

const LIST: &str = "list.json";
const CONTENTS: &str = "contents";

/// Makes an empty folder for the user alone.
fn fresh(folder: &Path) -> io::Result<()> {
    removed(folder)?;
    DirBuilder::new().mode(0o700).create(folder)
}

fn removed(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

struct Hashing<R> {
    content: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(into)?;
        self.digest.update(into.get(..length).unwrap_or_default());
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_read_back_and_half_of_them_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("changes");
        let mut writer = ChangesWriter::begin(&folder).unwrap();
        let file = |name: &str, offset, size, digest| SavedChange {
            path: TreePath::new(name).unwrap(),
            now: Some(Node::Plain {
                mode: 0o644,
                size,
                digest: Some(digest),
            }),
            offset: Some(offset),
            missing: None,
        };
        let (offset, digest) = writer.add(&mut &b"one"[..], 3).unwrap();
        let one = file("b", offset, 3, digest);
        let (offset, digest) = writer.add(&mut &b"twofold"[..], 3).unwrap();
        let two = file("a", offset, 3, digest);
        assert!(writer.add(&mut &b"x"[..], 2).is_err(), "it ends too early");
        assert!(Changes::open(&folder).unwrap().is_none(), "not whole yet");
        assert!(Changes::is_half(&folder));
        writer.finish(vec![one, two], Vec::new()).unwrap();
        let changes = Changes::open(&folder).unwrap().unwrap();
        let told: Vec<String> = changes
            .list
            .iter()
            .map(|change| {
                let mut text = String::new();
                let mut content = changes.content(change).unwrap();
                content.read_to_string(&mut text).unwrap();
                format!("{} {text}", change.path)
            })
            .collect();
        assert_eq!(told, ["a two", "b one"]);
        // Another attempt begins anew.
        assert!(!Changes::is_half(&folder));
        ChangesWriter::begin(&folder).unwrap();
        assert!(Changes::open(&folder).unwrap().is_none());
        Changes::forget(&folder).unwrap();
        assert!(!folder.exists() && !Changes::is_half(&folder));
        Changes::forget(&folder).unwrap();
    }
}
