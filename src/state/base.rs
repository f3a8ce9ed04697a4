//! What an agent began with in its work folder, as lines of JSON: the guest reads them as they are.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use bottle_contract::tree::{BaseEntry, BaseHead, FORMAT};
use serde::de::DeserializeOwned;

use super::atomic::write_lazily;
use super::dirs::BottleDir;
use super::error::StateError;

/// The base of one bottle.
#[derive(Clone, Debug)]
pub struct Base {
    /// The folders, and when all was there.
    pub head: BaseHead,
    /// Everything that was in the work folder.
    pub entries: Vec<BaseEntry>,
}

/// Writes a base in one step. The disk is not waited for: what is damaged by a power loss is an error later,
/// and each launch would pay for it.
pub fn save_base(
    dir: &BottleDir,
    head: &BaseHead,
    entries: &[BaseEntry],
) -> Result<(), StateError> {
    let path = dir.base();
    let mut text = Vec::new();
    let mut line = |value: serde_json::Result<Vec<u8>>| {
        let bytes = value.map_err(io::Error::from);
        text.extend(bytes.map_err(StateError::io("write", &path))?);
        text.push(b'\n');
        Ok::<(), StateError>(())
    };
    line(serde_json::to_vec(head))?;
    for entry in entries {
        line(serde_json::to_vec(entry))?;
    }
    write_lazily(&path, &text)
}

impl Base {
    /// Reads how the base of a bottle begins, which says enough to compare. `None` where it has none that
    /// this version can read.
    pub fn head(dir: &BottleDir) -> Result<Option<BaseHead>, StateError> {
        Ok(Lines::open(dir)?.map(|(head, _)| head))
    }

    /// Reads the base of a bottle. `None` where it has none that this version can read.
    pub fn load(dir: &BottleDir) -> Result<Option<Self>, StateError> {
        let Some((head, mut lines)) = Lines::open(dir)? else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        while let Some(entry) = lines.next()? {
            entries.push(entry);
        }
        Ok(Some(Self { head, entries }))
    }

    /// Opens it as the guest reads it. `None` where there is none.
    pub fn file(dir: &BottleDir) -> Result<Option<Arc<File>>, StateError> {
        Ok(open(dir)?.map(Arc::new))
    }
}

/// The lines of a base.
struct Lines {
    lines: io::Split<BufReader<File>>,
    path: PathBuf,
}

impl Lines {
    /// Reads the first line.
    fn open(dir: &BottleDir) -> Result<Option<(BaseHead, Self)>, StateError> {
        let Some(file) = open(dir)? else {
            return Ok(None);
        };
        let mut lines = Self {
            lines: BufReader::new(file).split(b'\n'),
            path: dir.base(),
        };
        // A newer version may say other things there.
        let Some(first) = lines.next::<serde_json::Value>()? else {
            return Ok(None);
        };
        if first.get("format") != Some(&FORMAT.into()) {
            return Ok(None);
        }
        let head = serde_json::from_value(first);
        Ok(Some((head.map_err(|source| lines.damaged(source))?, lines)))
    }

    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StateError> {
        let line = self.lines.next().transpose();
        let Some(line) = line.map_err(StateError::io("read", &self.path))? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&line);
        value.map(Some).map_err(|source| self.damaged(source))
    }

    fn damaged(&self, source: serde_json::Error) -> StateError {
        StateError::Damaged {
            path: self.path.clone(),
            source,
        }
    }
}

fn open(dir: &BottleDir) -> Result<Option<File>, StateError> {
    let path = dir.base();
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("open", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use bottle_contract::tree::{Lies, Node, Origin, Prior, RawText, Stamp, TreePath};

    use super::*;
    use crate::state::StateDir;

    #[test]
    fn a_base_reads_back_whatever_its_names_are() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, _lock) = StateDir::new(folder.path())
            .create(&"a-bcdefg".parse().unwrap())
            .unwrap();
        assert!(Base::load(&dir).unwrap().is_none());
        let head = BaseHead {
            format: FORMAT,
            source: RawText::new("/home/user/tree"),
            workdir: "/workspace".to_owned(),
            stamp: Stamp {
                seconds: 1,
                nanos: 2,
            },
            prior: Prior::Image,
            lies: Lies::Memory,
            commit: None,
        };
        let entry = |name: &[u8], node| BaseEntry {
            path: TreePath::new(name).unwrap(),
            node,
            modified: Some(7),
            origin: Origin::Image,
        };
        let target = RawText::new("x\ny");
        let entries = [
            entry(b"a\nb\xFF", Node::Folder { mode: 0o755 }),
            entry(b"-rf", Node::Link { target }),
        ];
        save_base(&dir, &head, &entries).unwrap();
        assert_eq!(Base::head(&dir).unwrap(), Some(head.clone()));
        let base = Base::load(&dir).unwrap().unwrap();
        assert_eq!((base.head, base.entries), (head.clone(), entries.into()));
        let newer = BaseHead {
            format: FORMAT + 1,
            ..head
        };
        save_base(&dir, &newer, &[]).unwrap();
        assert!(Base::load(&dir).unwrap().is_none());
        write_lazily(&dir.base(), b"{\n").unwrap();
        assert!(Base::load(&dir).is_err());
    }
}
