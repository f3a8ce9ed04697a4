//! Files of the agent's image: paths under a root, whole-file replacement, folders with fixed modes.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};

/// Returns where an absolute path lies under a root.
pub(crate) fn under(root: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Refuses a path that is relative or has a `..` in it.
pub(crate) fn check_absolute(path: &Path) -> anyhow::Result<()> {
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || climbs {
        bail!("`{}` is not an absolute path without `..`", path.display());
    }
    Ok(())
}

/// Reads a file that may be missing; longer than the limit is an error.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let what = || format!("cannot read `{}`", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(what),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .with_context(what)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(Some(bytes));
    }
    bail!("`{}` is longer than {limit} bytes", path.display());
}

/// Puts a file in place as a whole: a reader sees the old one or the new one, and no link is followed.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    replace_with(path, bytes, |file| {
        file.set_permissions(Permissions::from_mode(mode))
    })
}

/// Like [`replace`]; the closure sets mode and owner. Until then nobody else can read the file.
pub(crate) fn replace_with(
    path: &Path,
    bytes: &[u8],
    finish: impl FnOnce(&File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".bottle-new");
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let done = file
        .write_all(bytes)
        .and_then(|()| finish(&file))
        .and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        // The first error is the one to report; what is left over is replaced next time.
        drop(fs::remove_file(&temporary));
    }
    done
}

/// Whether a folder had to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was not there.
    New,
    /// It was there.
    Before,
}

/// Makes a folder and its parents; the new ones get mode 0755, whatever the umask says.
pub(crate) fn make_folders(path: &Path) -> anyhow::Result<Made> {
    if path.is_dir() {
        return Ok(Made::Before);
    }
    if let Some(parent) = path.parent() {
        make_folders(parent)?;
    }
    let what = || format!("cannot make the folder `{}`", path.display());
    DirBuilder::new()
        .mode(0o755)
        .create(path)
        .with_context(what)?;
    set_mode(path, 0o755).with_context(what)?;
    Ok(Made::New)
}

/// Sets the mode of a file or folder.
pub(crate) fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}
