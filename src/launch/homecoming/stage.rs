//! A folder that was copied in and what an agent made of it, for tests.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bottle_contract::tree::{BaseHead, FORMAT, Lies, Node, Prior, RawText, Stamp, TreePath};
use tempfile::TempDir;

use super::review::Review;
use crate::backends::copying;
use crate::state::{Base, Changes, ChangesWriter, SavedChange};

/// What an agent left at a path; a file's content stands in the place of its digest.
pub(super) type Left = Option<Node>;

#[expect(clippy::unnecessary_wraps, reason = "what is absent is the other half")]
pub(super) fn file(content: &str, mode: u32) -> Left {
    Some(Node::Plain {
        mode,
        size: u64::try_from(content.len()).unwrap(),
        digest: Some(content.to_owned()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "what is absent is the other half")]
pub(super) fn link(target: &str) -> Left {
    Some(Node::Link {
        target: RawText::new(target),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "what is absent is the other half")]
pub(super) fn folder() -> Left {
    Some(Node::Folder { mode: 0o755 })
}

pub(super) fn absent() -> Left {
    None
}

/// The folder, and the state that bottle keeps.
pub(super) struct Stage {
    all: TempDir,
    base: Base,
}

impl Stage {
    /// Makes a folder of these files, as it is copied in.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let all = tempfile::tempdir().unwrap();
        let source = all.path().join("source");
        fs::create_dir(&source).unwrap();
        for (name, text) in files {
            write(&source, name, text);
        }
        let (producer, copying) = copying(&source, "/workspace", Lies::Disk);
        producer(&mut std::io::sink()).unwrap();
        let done = b"{\"done\":{\"stamp\":{\"seconds\":0,\"nanos\":0},\"prior\":\"nothing\"}}\n";
        let entries = copying.base(done).unwrap().entries;
        let head = BaseHead {
            format: FORMAT,
            source: RawText::new(source.as_os_str().as_bytes()),
            workdir: "/workspace".to_owned(),
            stamp: Stamp {
                seconds: 0,
                nanos: 0,
            },
            prior: Prior::Nothing,
            lies: Lies::Disk,
            commit: None,
        };
        Self {
            all,
            base: Base { head, entries },
        }
    }

    /// Says which commit was checked out when it was copied in.
    pub(super) fn copied_at(mut self, commit: &str) -> Self {
        self.base.head.commit = Some(commit.to_owned());
        self
    }

    pub(super) fn source(&self) -> PathBuf {
        self.all.path().join("source")
    }

    /// Writes a file as the user does.
    pub(super) fn write(&self, name: &str, text: &str) {
        write(&self.source(), name, text);
    }

    /// Saves what an agent changed.
    pub(super) fn changes(&self, list: &[(&str, Left)]) {
        let mut writer = ChangesWriter::begin(&self.all.path().join("changes")).unwrap();
        let list = list.iter().map(|(name, left)| {
            let mut change = SavedChange {
                path: TreePath::new(*name).unwrap(),
                now: left.clone(),
                offset: None,
                missing: None,
            };
            if let Some(Node::Plain { size, digest, .. }) = &mut change.now {
                let content = digest.take().unwrap();
                let (offset, hash) = writer.add(&mut content.as_bytes(), *size).unwrap();
                *digest = Some(hash);
                change.offset = Some(offset);
            }
            change
        });
        let list = list.collect();
        writer.finish(list, Vec::new()).unwrap();
    }

    /// Puts both sides together.
    pub(super) fn review(&self) -> Review {
        let changes = Changes::open(&self.all.path().join("changes")).unwrap();
        Review::new(self.base.clone(), changes.unwrap()).unwrap()
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o644))
        .unwrap();
}
