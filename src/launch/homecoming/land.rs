//! Writes below a folder of the user's, and never outside it: every folder on the way is opened by its
//! own name, and none may be a link.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use bottle_contract::tree::{Node, RawText, TreePath, hex};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

/// A folder of the user's.
#[derive(Debug)]
pub(super) struct Tree {
    top: OwnedFd,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// Nothing.
    Nothing,
    /// This; a file is without its digest.
    Node(Node),
    /// Nobody can tell: something above it is no folder, but a link or a file.
    Blocked,
}

/// Whether folders on the way are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Made,
    Refused,
}

/// How folders are opened: what is swapped for a link meanwhile is not followed.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// How many names are tried for a temporary file.
const TRIES: u32 = 16;

impl Tree {
    /// Opens the folder itself, wherever the user's own links lead.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            top: fs::open(folder, flags, Mode::empty())?,
        })
    }

    /// Says what stands at a path.
    pub(super) fn look(&self, path: &TreePath) -> io::Result<Here> {
        let parent = match self.parent(path, Missing::Refused) {
            Ok(parent) => parent,
            Err(Errno::NOENT) => return Ok(Here::Nothing),
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Here::Blocked),
            Err(error) => return Err(error.into()),
        };
        let name = path.name();
        let stat = match fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Here::Nothing),
            Err(error) => return Err(error.into()),
        };
        // The type is narrower on macOS.
        let mode = u32::try_from(i64::from(stat.st_mode) & 0o777).unwrap_or_default();
        Ok(Here::Node(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Node::Folder { mode },
            FileType::RegularFile => Node::Plain {
                mode,
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                digest: None,
            },
            FileType::Symlink => Node::Link {
                target: RawText::new(fs::readlinkat(&parent, name, Vec::new())?.into_bytes()),
            },
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Node::Special,
        }))
    }

    /// Opens a file to read it; nothing else, and no link.
    pub(super) fn read(&self, path: &TreePath) -> io::Result<File> {
        let parent = self.parent(path, Missing::Refused)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&parent, path.name(), flags, Mode::empty())?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("it is no file"))
        }
    }

    /// Computes the SHA-256 of a file, in hex.
    pub(super) fn digest(&self, path: &TreePath) -> io::Result<String> {
        let mut file = self.read(path)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            digest.update(buffer.get(..length).unwrap_or_default());
        }
        Ok(hex(&digest.finalize()))
    }

    /// Writes a file in one step: whoever looks sees the one before or this one whole. What is new is on
    /// the disk after [`Tree::sync`].
    pub(super) fn put_file(
        &self,
        path: &TreePath,
        mode: u32,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let parent = self.parent(path, Missing::Made)?;
        let name = with_fresh_name(|name| {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))?;
            Ok(File::from(file))
        });
        let (name, mut file) = name?;
        let written = io::copy(content, &mut file)
            .and_then(|_| file.flush())
            .and_then(|()| Ok(fs::fchmod(&file, mode_of(mode))?))
            .and_then(|()| before_replacing(&parent, path.name(), &file))
            .and_then(|()| replace(&parent, &name, path.name()));
        or_remove(&parent, &name, written)
    }

    /// Waits until all that was written is on the disk: once for thousands of new files.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        fs::syncfs(&self.top)?;
        #[cfg(not(target_os = "linux"))]
        fs::sync();
        Ok(())
    }

    /// Makes a link in one step.
    pub(super) fn put_link(&self, path: &TreePath, target: &RawText) -> io::Result<()> {
        let parent = self.parent(path, Missing::Made)?;
        let (name, ()) = with_fresh_name(|name| fs::symlinkat(target.as_bytes(), &parent, name))?;
        let replaced = replace(&parent, &name, path.name());
        or_remove(&parent, &name, replaced)
    }

    /// Makes a folder, or gives the one that is there these permissions. What else is there goes.
    pub(super) fn put_folder(&self, path: &TreePath, mode: u32) -> io::Result<()> {
        let parent = self.parent(path, Missing::Made)?;
        match fs::mkdirat(&parent, path.name(), Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                if !matches!(self.look(path)?, Here::Node(Node::Folder { .. })) {
                    fs::unlinkat(&parent, path.name(), AtFlags::empty())?;
                    fs::mkdirat(&parent, path.name(), Mode::from_raw_mode(0o700))?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        let folder = fs::openat(&parent, path.name(), FOLDER, Mode::empty())?;
        Ok(fs::fchmod(folder, mode_of(mode))?)
    }

    /// Removes a file, a link, or a folder that is empty. Nothing there is a success.
    pub(super) fn remove(&self, path: &TreePath) -> io::Result<()> {
        let parent = match self.parent(path, Missing::Refused) {
            Ok(parent) => parent,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let flags = match self.look(path)? {
            Here::Nothing => return Ok(()),
            Here::Node(Node::Folder { .. }) => AtFlags::REMOVEDIR,
            Here::Node(Node::Plain { .. } | Node::Link { .. } | Node::Special) | Here::Blocked => {
                AtFlags::empty()
            }
        };
        Ok(fs::unlinkat(parent, path.name(), flags)?)
    }

    /// Opens the folder that something is in, one name after the other.
    fn parent(&self, path: &TreePath, missing: Missing) -> Result<OwnedFd, Errno> {
        let mut folder = fs::openat(&self.top, ".", FOLDER, Mode::empty())?;
        let mut parts = path.parts();
        parts.next_back();
        for part in parts {
            let next = match fs::openat(&folder, part, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) if missing == Missing::Made => {
                    match fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error),
                    }
                    fs::openat(&folder, part, FOLDER, Mode::empty())?
                }
                outcome => outcome?,
            };
            folder = next;
        }
        Ok(folder)
    }
}

/// No set-id bit ever comes from a bottle.
fn mode_of(mode: u32) -> Mode {
    // The type is narrower on macOS.
    let bits = u16::try_from(mode & 0o777).unwrap_or_default();
    Mode::from_bits_truncate(bits.into())
}

/// A file that takes another one's place is on the disk first: a power loss must not leave neither.
fn before_replacing(parent: &OwnedFd, name: &[u8], file: &File) -> io::Result<()> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Ok(_) | Err(_) => file.sync_all(),
    }
}

/// A folder in the way goes only when it is empty.
fn replace(parent: &OwnedFd, from: &str, to: &[u8]) -> io::Result<()> {
    match fs::renameat(parent, from, parent, to) {
        Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            fs::unlinkat(parent, to, AtFlags::REMOVEDIR)?;
            Ok(fs::renameat(parent, from, parent, to)?)
        }
        outcome => Ok(outcome?),
    }
}

fn or_remove(parent: &OwnedFd, name: &str, outcome: io::Result<()>) -> io::Result<()> {
    if outcome.is_err() {
        // The first error is the one to report.
        fs::unlinkat(parent, name, AtFlags::empty()).ok();
    }
    outcome
}

/// Makes something under a name that nothing has.
fn with_fresh_name<T>(make: impl Fn(&str) -> Result<T, Errno>) -> io::Result<(String, T)> {
    let mut last = Errno::EXIST;
    for _ in 0..TRIES {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!(".bottle-{:016x}", u64::from_le_bytes(random));
        match make(&name) {
            Ok(value) => return Ok((name, value)),
            Err(Errno::EXIST) => last = Errno::EXIST,
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.into())
}

/// Tells whether a link at this path stays in its tree, wherever the tree lies.
///
/// Only `..` at its beginning is followed: behind a name, that name may be a link itself.
pub(super) fn stays_inside(path: &TreePath, target: &RawText) -> bool {
    let bytes = target.as_bytes();
    if bytes.is_empty() || bytes.starts_with(b"/") || bytes.contains(&0) {
        return false;
    }
    let mut depth = path.depth();
    let mut named = false;
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(less) if !named => depth = less,
                Some(_) | None => return false,
            },
            _ => named = true,
        }
    }
    true
}

#[cfg(test)]
#[path = "land_tests.rs"]
mod tests;
