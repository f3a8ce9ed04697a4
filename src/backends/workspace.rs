//! A folder of the host as a tar stream: how a workspace gets into a bottle without being mounted.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a folder's content under a name, which may be empty: modes, times and symlinks kept, no symlink followed.
///
/// Sockets, pipes and devices are left out: a copy of one would mean nothing. A file that goes away
/// meanwhile is an error, so that half of a tree is never taken for the whole.
pub fn write_tar(source: &Path, under: &Path, out: &mut dyn Write) -> io::Result<()> {
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
                folders.push(inside);
            } else if kind.is_file() || kind.is_symlink() {
                tar.append_path_with_name(entry.path(), &name)?;
            }
        }
    }
    tar.into_inner()?.flush()
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
