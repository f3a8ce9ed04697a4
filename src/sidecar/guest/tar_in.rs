//! `guest tar-in`: unpacks a tar stream into a folder, and never outside it.

use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

use anyhow::{Context as _, bail};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use tar::{Archive, Entry};

use super::files;
use super::limits::{COPY_BUFFER, FOLDERS};

/// The length of a block of a tar stream.
const END: usize = 512;

/// Unpacks the stream. The first entry that is refused or fails ends it.
pub(super) fn tar_in(dir: &Path, input: impl Read) -> anyhow::Result<()> {
    let mut rest = unpack_all(dir, BufReader::with_capacity(COPY_BUFFER, input))?;
    // What follows the end mark is padding; a writer that could not write it would call that a failure.
    io::copy(&mut rest, &mut io::sink()).context("cannot read the tar stream")?;
    Ok(())
}

/// As [`tar_in`], and leaves the input where the stream of bottle's own ends: after two empty blocks.
pub(super) fn tar_in_first(dir: &Path, input: impl Read) -> anyhow::Result<()> {
    let mut rest = unpack_all(dir, input)?;
    let mut end = [0; END];
    match rest.read_exact(&mut end) {
        Ok(()) if end == [0; END] => Ok(()),
        Ok(()) => bail!("the tar stream does not end where it should"),
        Err(error) => Err(error).context("cannot read the end of the tar stream"),
    }
}

/// Returns the input as it is after the first block of the end mark.
fn unpack_all<R: Read>(dir: &Path, input: R) -> anyhow::Result<R> {
    files::make_folders(dir)?;
    let mut archive = Archive::new(input);
    let mut folders = Vec::new();
    for entry in archive.entries().context("cannot read the tar stream")? {
        let entry = entry.context("cannot read the tar stream")?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            // A folder waits: its mode may forbid to write into it, and what is written changes its time.
            folders.push(entry);
            if folders.len() > FOLDERS {
                bail!("the tar stream has more than {FOLDERS} folders");
            }
        } else if kind.is_file()
            || kind.is_contiguous()
            || kind.is_gnu_sparse()
            || kind.is_hard_link()
            || kind.is_symlink()
        {
            unpack(entry, dir)?;
        } else if !kind.is_pax_global_extensions() {
            bail!(
                "refused `{}`: devices, pipes and unknown kinds are not unpacked",
                name_of(&entry)
            );
        }
    }
    // The deepest first, so that a folder without write permission comes after what is in it.
    folders.sort_by(|one, other| other.path_bytes().cmp(&one.path_bytes()));
    for folder in folders {
        let path = dir.join(folder.path().context("cannot read the tar stream")?);
        let seconds = folder.header().mtime().unwrap_or_default();
        unpack(folder, dir)?;
        set_time(&path, seconds)
            .with_context(|| format!("cannot set the time of `{}`", path.display()))?;
    }
    Ok(archive.into_inner())
}

fn unpack<R: Read>(mut entry: Entry<'_, R>, dir: &Path) -> anyhow::Result<()> {
    let name = name_of(&entry);
    check_name(&entry).with_context(|| format!("refused `{name}`"))?;
    let unpacked = entry
        .unpack_in(dir)
        .with_context(|| format!("cannot unpack `{name}` into `{}`", dir.display()))?;
    if !unpacked {
        bail!("refused `{name}`: it is not a path inside the folder");
    }
    Ok(())
}

/// Sets the time of a folder, which the library leaves alone.
fn set_time(folder: &Path, seconds: u64) -> io::Result<()> {
    let time = Timespec {
        tv_sec: i64::try_from(seconds).unwrap_or_default(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(utimensat(CWD, folder, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Refuses names that lead out by themselves; `unpack_in` refuses those that a link leads out.
pub(super) fn check_name<R: Read>(entry: &Entry<'_, R>) -> anyhow::Result<()> {
    let path = entry.path().context("its name is not a path")?;
    for part in path.components() {
        match part {
            Component::Normal(_) | Component::CurDir => {}
            Component::ParentDir => bail!("its name has a `..`"),
            Component::RootDir | Component::Prefix(_) => bail!("its name is absolute"),
        }
    }
    Ok(())
}

fn name_of<R: Read>(entry: &Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}
