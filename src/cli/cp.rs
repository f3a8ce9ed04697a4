//! `bottle cp`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::context::Context;
use super::exec::require_running;
use crate::backends::write_tar;
use crate::error::{Error, Result};
use crate::launch::backend_of;

/// Copy files into a bottle, or out of it.
///
/// One side is a path here, the other `ID:PATH` in a bottle. Modes, times and symlinks are kept; no
/// symlink is followed. What is copied in belongs to the agent's user. The target is the folder
/// that the copy is put into; it is made when it is missing.
#[derive(Clone, Debug, Args)]
pub(super) struct CpArgs {
    /// What to copy: a path, or `ID:PATH`
    #[arg(value_name = "FROM")]
    from: String,

    /// The folder to copy it into: a path, or `ID:PATH`
    #[arg(value_name = "TO")]
    to: String,
}

/// A side of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Side {
    Here(PathBuf),
    Bottle { id: String, path: String },
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &CpArgs) -> Result<()> {
    match (side(&args.from), side(&args.to)) {
        (Side::Here(from), Side::Bottle { id, path }) => {
            copy_in(context, &context.absolute(&from), &id, &path)
        }
        (Side::Bottle { id, path }, Side::Here(to)) => {
            copy_out(context, &id, &path, &context.absolute(&to))
        }
        (Side::Here(_), Side::Here(_)) | (Side::Bottle { .. }, Side::Bottle { .. }) => {
            Err(Error::usage(anyhow!(
                "one side of a copy is a path here, the other `ID:PATH` in a bottle"
            )))
        }
    }
}

/// As `docker cp` reads it: a path that begins with `/` or `.` is one here, whatever colons it has.
fn side(word: &str) -> Side {
    match word.split_once(':') {
        Some((id, path))
            if !word.starts_with(['/', '.']) && !id.is_empty() && !id.contains('/') =>
        {
            Side::Bottle {
                id: id.to_owned(),
                path: path.to_owned(),
            }
        }
        Some(_) | None => Side::Here(PathBuf::from(word)),
    }
}

fn copy_in(context: &Context, from: &Path, id: &str, folder: &str) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(id)?;
    require_running(bottle)?;
    let metadata = fs::symlink_metadata(from)
        .with_context(|| format!("could not find `{}`", from.display()))
        .map_err(Error::user)?;
    let kind = metadata.file_type();
    if !kind.is_dir() && !kind.is_file() && !kind.is_symlink() {
        return Err(Error::user(anyhow!(
            "`{}` is neither a file nor a folder",
            from.display()
        )));
    }
    let from = from.to_owned();
    let tar = move |out: &mut dyn Write| {
        if metadata.is_dir() {
            write_folder(&from, out)
        } else {
            write_file(&from, out)
        }
    };
    Ok(backend_of(context.registry(), bottle)?.copy_in(&bottle.id, folder, Box::new(tar))?)
}

/// A folder goes in under its own name, as a file does.
fn write_folder(from: &Path, out: &mut dyn Write) -> io::Result<()> {
    write_tar(from, named(from)?, out)
}

fn write_file(from: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    tar.append_path_with_name(from, named(from)?)?;
    tar.into_inner()?.flush()
}

fn named(from: &Path) -> io::Result<&Path> {
    let name: Option<&OsStr> = from.file_name();
    name.map(Path::new).ok_or_else(|| {
        io::Error::other(format!("`{}` has no name to copy it under", from.display()))
    })
}

fn copy_out(context: &Context, id: &str, path: &str, to: &Path) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(id)?;
    require_running(bottle)?;
    fs::create_dir_all(to)
        .with_context(|| format!("could not make `{}`", to.display()))
        .map_err(Error::user)?;
    let to = to.to_owned();
    let unpack = move |input: &mut dyn Read| {
        unpack(input, &to)?;
        // The end of the archive is not the end of the stream: a sender that is cut off fails.
        io::copy(input, &mut io::sink()).map(drop)
    };
    Ok(backend_of(context.registry(), bottle)?.copy_out(&bottle.id, path, Box::new(unpack))?)
}

/// What comes out is the agent's work: nothing of it may land outside the folder, set an owner, or keep a set-id bit.
fn unpack(input: &mut dyn Read, to: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(input);
    archive.set_preserve_ownerships(false);
    archive.set_preserve_permissions(false);
    archive.set_unpack_xattrs(false);
    // Folders come last: one that cannot be written to must still take what is in it.
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_dir() {
            folders.push(entry);
        } else {
            unpack_entry(entry, to)?;
        }
    }
    folders.sort_by(|one, other| other.path_bytes().cmp(&one.path_bytes()));
    folders
        .into_iter()
        .try_for_each(|folder| unpack_entry(folder, to))
}

fn unpack_entry(mut entry: tar::Entry<'_, impl Read>, to: &Path) -> io::Result<()> {
    let name = entry.path()?.into_owned();
    if entry.unpack_in(to)? {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "`{}` leads out of the folder",
        name.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_read_as_a_path_or_a_bottles() {
        let bottle = |id: &str, path: &str| Side::Bottle {
            id: id.to_owned(),
            path: path.to_owned(),
        };
        let here = |path: &str| Side::Here(PathBuf::from(path));
        for (word, expected) in [
            ("demo:/workspace", bottle("demo", "/workspace")),
            ("demo:", bottle("demo", "")),
            ("./a:b", here("./a:b")),
            ("/a:b", here("/a:b")),
            ("a/b:c", here("a/b:c")),
            (":x", here(":x")),
            ("file", here("file")),
        ] {
            assert_eq!(side(word), expected, "{word}");
        }
    }

    fn archive(name: &str, link: Option<&str>) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o4755);
        if let Some(target) = link {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header.clone(), "link", target)
                .unwrap();
        }
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(2);
        // `append_data` refuses a name that leads out, which an attacker's own tool does not.
        let bytes = header.as_old_mut();
        bytes.name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, &b"hi"[..]).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn what_comes_out_stays_in_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let to = outside.path().join("to");
        fs::create_dir(&to).unwrap();
        for (name, link) in [
            ("../escaped", None),
            ("link/escaped", Some(outside.path().to_str().unwrap())),
        ] {
            assert!(
                unpack(&mut archive(name, link).as_slice(), &to).is_err(),
                "{name}"
            );
            assert!(!outside.path().join("escaped").exists(), "{name}");
        }
        unpack(&mut archive("inside", None).as_slice(), &to).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(to.join("inside")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o7000, 0);
    }
}
