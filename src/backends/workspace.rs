//! A folder of the host as a tar stream: how a workspace gets into a bottle without being mounted.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bottle_contract::tree::{BaseEntry, Node, Origin, RawText, TreePath, hex};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

/// Writes a folder's content under a name, which may be empty: modes, times and symlinks kept, no symlink followed.
///
/// Sockets, pipes and devices are left out: a copy of one would mean nothing. A file that goes away
/// meanwhile is an error, so that half of a tree is never taken for the whole.
pub fn write_tar(source: &Path, under: &Path, out: &mut dyn Write) -> io::Result<()> {
    write(source, under, out, &mut |_, _, _| ())
}

/// As [`write_tar`] without a name, and tells what it wrote: read once, the same bytes are sent and hashed.
pub(super) fn write_tar_noting(source: &Path, out: &mut dyn Write) -> io::Result<Vec<BaseEntry>> {
    let mut base = Vec::new();
    write(source, Path::new(""), out, &mut |path, node, modified| {
        // A path that is too long for a comparison was copied all the same.
        if let Ok(path) = TreePath::new(path.as_os_str().as_bytes()) {
            base.push(BaseEntry {
                path,
                node,
                modified: Some(modified),
                origin: Origin::Host,
            });
        }
    })?;
    Ok(base)
}

type Note<'a> = &'a mut dyn FnMut(&Path, Node, i64);

fn write(source: &Path, under: &Path, out: &mut dyn Write, note: Note<'_>) -> io::Result<()> {
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    if under != Path::new("") {
        tar.append_dir(under, source)?;
    }
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<fs::DirEntry> =
            fs::read_dir(source.join(&folder))?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let inside = folder.join(entry.file_name());
            let name = under.join(&inside);
            let kind = entry.file_type()?;
            if kind.is_dir() {
                tar.append_dir(&name, entry.path())?;
                let metadata = entry.metadata()?;
                let mode = metadata.mode() & 0o777;
                note(&inside, Node::Folder { mode }, metadata.mtime());
                folders.push(inside);
            } else if kind.is_file() {
                let (file, modified) = append_file(&mut tar, &entry.path(), &name)?;
                note(&inside, file, modified);
            } else if kind.is_symlink() {
                tar.append_path_with_name(entry.path(), &name)?;
                let target = fs::read_link(entry.path())?;
                let target = RawText::new(target.as_os_str().as_bytes());
                note(&inside, Node::Link { target }, entry.metadata()?.mtime());
            }
        }
    }
    tar.into_inner()?.flush()
}

/// What is hashed is what is sent, also of a file that somebody writes to meanwhile.
fn append_file(
    tar: &mut tar::Builder<&mut dyn Write>,
    path: &Path,
    name: &Path,
) -> io::Result<(Node, i64)> {
    // Somebody else's agent may work in the same folder: what it swaps for a link is not followed.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(
            "a file changed its kind while it was copied",
        ));
    }
    let node = |digest| Node::Plain {
        mode: metadata.mode() & 0o777,
        size: metadata.len(),
        digest,
    };
    if metadata.blocks().saturating_mul(512) < metadata.len() {
        // Holes stay holes, and are not read: that such a file was touched is told by its times.
        tar.append_file(name, &mut file)?;
        return Ok((node(None), time(&metadata)));
    }
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    let mut body = Hashing {
        file,
        left: metadata.len(),
        digest: Sha256::new(),
    };
    tar.append_data(&mut header, name, &mut body)?;
    let digest = hex(&body.digest.finalize());
    Ok((node(Some(digest)), time(&metadata)))
}

fn time(metadata: &Metadata) -> i64 {
    // As a tar stream has it: nothing before 1970.
    metadata.mtime().max(0)
}

/// A file of exactly the length that the stream promises.
struct Hashing {
    file: File,
    left: u64,
    digest: Sha256,
}

impl Read for Hashing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        let into = into.get_mut(..room).unwrap_or_default();
        let length = self.file.read(into)?;
        if length == 0 && room > 0 {
            return Err(io::Error::other(
                "a file became shorter while it was copied",
            ));
        }
        self.digest.update(into.get(..length).unwrap_or_default());
        self.left = self
            .left
            .saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn modes_and_symlinks_are_kept_and_nothing_is_followed() {
        let from = tempfile::tempdir().unwrap();
        fs::create_dir(from.path().join("sub")).unwrap();
        fs::write(from.path().join("sub/run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(
            from.path().join("sub/run.sh"),
            fs::Permissions::from_mode(0o750),
        )
        .unwrap();
        symlink("/etc/passwd", from.path().join("leak")).unwrap();
        symlink("nowhere", from.path().join("dangling")).unwrap();
        let _socket = UnixListener::bind(from.path().join("socket")).unwrap();

        let mut bytes = Vec::new();
        write_tar(from.path(), Path::new(""), &mut bytes).unwrap();
        let to = tempfile::tempdir().unwrap();
        tar::Archive::new(bytes.as_slice())
            .unpack(to.path())
            .unwrap();

        let mode = fs::metadata(to.path().join("sub/run.sh"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(
            fs::read_link(to.path().join("leak")).unwrap(),
            Path::new("/etc/passwd")
        );
        assert_eq!(
            fs::read_link(to.path().join("dangling")).unwrap(),
            Path::new("nowhere")
        );
        assert!(!to.path().join("socket").exists());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn what_is_copied_is_noted_with_what_tells_a_change() {
        let from = tempfile::tempdir().unwrap();
        fs::create_dir(from.path().join("sub")).unwrap();
        fs::write(from.path().join("sub/abc"), "abc").unwrap();
        fs::set_permissions(
            from.path().join("sub/abc"),
            fs::Permissions::from_mode(0o4750),
        )
        .unwrap();
        symlink("/etc/passwd", from.path().join("link")).unwrap();
        let _socket = UnixListener::bind(from.path().join("socket")).unwrap();
        let base = write_tar_noting(from.path(), &mut io::sink()).unwrap();
        let told: Vec<String> = base
            .iter()
            .map(|entry| format!("{} {:?}", entry.path, entry.node.mode()))
            .collect();
        assert_eq!(
            told,
            ["link None", "sub Some(493)", "sub/abc Some(488)"],
            "a set-id bit does not come through"
        );
        let Node::Plain { size, digest, .. } = &base[2].node else {
            panic!("{base:?}");
        };
        assert_eq!(*size, 3);
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.as_deref(), Some(known));
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(
            write_tar(
                Path::new("/nonexistent/folder"),
                Path::new(""),
                &mut Vec::new()
            )
            .is_err()
        );
    }
}
