//! A walk through a folder of the agent's, which may change meanwhile and is not followed anywhere.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, BufRead, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use bottle_contract::tree::{LINE_BYTES, Node, RawText, Stamp, TreePath, hex};
use ring::digest;
use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;

use super::input;
use super::limits::{COPY_BUFFER, ENTRIES};

/// The longest tick of a kernel's clock.
const TICK: Duration = Duration::from_millis(10);

/// Something that a walk came across.
pub(super) enum Found<'a> {
    /// This stands there.
    Entry(TreePath, &'a Metadata),
    /// This cannot be looked at, nor what is below it.
    Unread(RawText, String),
}

/// Visits everything below a folder; a folder comes before what is in it, and what is shallow before what
/// is deep: sources are nearer to the top than packages are.
///
/// What goes away meanwhile was never there. Links are not followed. It breaks off when the visitor does,
/// and where there is no end to what an agent makes meanwhile.
pub(super) fn walk(
    top: &Path,
    visit: &mut dyn FnMut(Found<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<ControlFlow<()>> {
    let mut folders = VecDeque::from([PathBuf::new()]);
    let mut seen = 0;
    while let Some(folder) = folders.pop_front() {
        let listed = match list(&top.join(&folder)) {
            Ok(listed) => listed,
            Err(error) if folder.as_os_str().is_empty() => {
                return Err(error).with_context(|| format!("cannot read `{}`", top.display()));
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(error) => {
                if visit(unread(&folder, &error))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
        };
        for entry in listed {
            seen += 1;
            let found = match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => continue,
                Ok(entry) => look(
                    top,
                    folder.join(OsStr::from_bytes(entry.file_name().to_bytes())),
                ),
                Err(error) => Looked::Unread(folder.clone(), error.to_string()),
            };
            let flow = match &found {
                Looked::Gone => ControlFlow::Continue(()),
                Looked::Entry(_, path, metadata) => visit(Found::Entry(path.clone(), metadata))?,
                Looked::Unread(path, why) => visit(unread(path, why))?,
            };
            if flow.is_break() || seen >= ENTRIES {
                return Ok(ControlFlow::Break(()));
            }
            match found {
                Looked::Entry(place, _, metadata) if metadata.is_dir() => folders.push_back(place),
                Looked::Entry(..) | Looked::Gone | Looked::Unread(..) => {}
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Opens a folder to list it. What was swapped for a link is none any more.
fn list(folder: &Path) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(rustix::fs::open(folder, flags, Mode::empty())?)
}

/// What a look at one name found.
enum Looked {
    Entry(PathBuf, TreePath, Metadata),
    Gone,
    Unread(PathBuf, String),
}

fn look(top: &Path, inside: PathBuf) -> Looked {
    let metadata = match fs::symlink_metadata(top.join(&inside)) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Looked::Gone,
        Err(error) => return Looked::Unread(inside, error.to_string()),
    };
    match TreePath::new(inside.as_os_str().as_bytes()) {
        Ok(path) => Looked::Entry(inside, path, metadata),
        Err(error) => Looked::Unread(inside, error.to_string()),
    }
}

fn unread<'a>(path: &Path, why: &dyn std::fmt::Display) -> Found<'a> {
    Found::Unread(RawText::new(path.as_os_str().as_bytes()), why.to_string())
}

/// Returns where a path of a tree lies.
pub(super) fn place(top: &Path, path: &TreePath) -> PathBuf {
    top.join(OsStr::from_bytes(path.as_bytes()))
}

/// Says what stands at a path; the content of a file is not read.
pub(super) fn node(path: &Path, metadata: &Metadata) -> io::Result<Node> {
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Node::Folder {
            mode: metadata.mode() & 0o777,
        }
    } else if kind.is_file() {
        Node::Plain {
            mode: metadata.mode() & 0o7777,
            size: metadata.len(),
            digest: None,
        }
    } else if kind.is_symlink() {
        Node::Link {
            target: RawText::new(fs::read_link(path)?.as_os_str().as_bytes()),
        }
    } else {
        Node::Special
    })
}

/// Opens a file that the agent may swap for a link or a pipe: follows none, waits for none.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Computes the SHA-256 of a file, in hex.
pub(super) fn digest_of(path: &Path) -> io::Result<String> {
    let mut file = open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let read = io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hex(context.finish().as_ref()))
}

/// Returns the moment at which something was last changed in any way, which nobody can set.
pub(super) fn changed_at(metadata: &Metadata) -> Stamp {
    Stamp {
        seconds: metadata.ctime(),
        nanos: metadata.ctime_nsec(),
    }
}

/// Returns a moment of which nothing bears a later time that was changed before it.
///
/// The kernel notes a change by a clock that lags behind by a tick, so this is a tick ago: what was written
/// since is compared by its content, which is never wrong.
pub(super) fn settled() -> Stamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(TICK);
    Stamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i64::from(since.subsec_nanos()),
    }
}

/// Reads a message of one line; `None` at the end, which an empty line is too.
pub(super) fn line<T: DeserializeOwned>(from: &mut impl BufRead) -> anyhow::Result<Option<T>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
    io::Read::take(&mut *from, most)
        .read_until(b'\n', &mut bytes)
        .context("cannot read standard input")?;
    match bytes.last() {
        None => Ok(None),
        Some(b'\n') if bytes.len() == 1 => Ok(None),
        Some(b'\n') => input::parse(&bytes).map(Some),
        Some(_) => bail!("a line on standard input is cut off, or longer than {LINE_BYTES} bytes"),
    }
}
