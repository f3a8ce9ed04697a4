//! `copy` (§2.2): running containers only, absolute paths only, and a single file arrives as 0644.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use crate::runtime::context::Context;
use crate::runtime::engine::{Answer, Kind, find_container};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::emit;

/// One side of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Side {
    Local(String),
    Container { id: String, path: String },
}

impl Side {
    fn parse(text: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [path] => Ok(Self::Local((*path).to_owned())),
            [id, path] if !id.is_empty() && path.starts_with('/') => Ok(Self::Container {
                id: (*id).to_owned(),
                path: (*path).to_owned(),
            }),
            _ => Err(Failure::invalid(format!("invalid path given: {text}"))),
        }
    }
}

/// `copy`: prints where it went.
pub(crate) fn copy(context: &Context<'_>) -> Done {
    let source = Side::parse(context.word("source")?)?;
    let destination = Side::parse(context.word("destination")?)?;
    match (source, destination) {
        (Side::Container { id, path }, Side::Local(local)) => out(context, &id, &path, &local),
        (Side::Local(local), Side::Container { id, path }) => into(context, &local, &id, &path),
        (Side::Container { .. }, Side::Container { .. }) => Err(Failure::invalid(
            "copying between containers is not supported",
        )),
        (Side::Local(_), Side::Local(_)) => Err(Failure::invalid(
            "one of source or destination must be a container reference (container_id:path)",
        )),
    }
}

fn running(context: &Context<'_>, id: &str, what: &str) -> Done {
    let container = find_container(context.engine, id)?
        .filter(|container| container.configuration.is_some())
        .ok_or_else(|| Failure::missing(format!("container with ID {id} not found")))?;
    if container.running {
        return Ok(());
    }
    let message = format!("cannot {what}: container is not running");
    Err(Failure::new(Code::InvalidState, message))
}

fn io(error: &std::io::Error) -> Failure {
    Failure::Other(error.to_string())
}

/// Makes a local path absolute, without `.` and `..`.
fn standardised(path: &str) -> Result<PathBuf, Failure> {
    let mut clean = PathBuf::new();
    for component in std::env::current_dir()
        .map_err(|error| io(&error))?
        .join(path)
        .components()
    {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                clean.push(component);
            }
        }
    }
    Ok(clean)
}

fn last_component(path: &Path, shown: &str) -> Result<String, Failure> {
    let last = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    last.ok_or_else(|| Failure::invalid(format!("source path has no last component: {shown}")))
}

/// Copies out of a container.
fn out(context: &Context<'_>, id: &str, path: &str, local: &str) -> Done {
    let destination = standardised(local)?;
    let destination = if destination.is_dir() {
        destination.join(last_component(Path::new(path), path)?)
    } else {
        destination
    };
    running(context, id, "copyOut")?;
    let source = format!("{id}:{path}");
    let answer = read_out(context, &source)?;
    if answer.status != 0 {
        let message = format!("copyOut: path not found '{path}'");
        return Err(Failure::new(Code::InternalError, message).because("failed to copy"));
    }
    let is_directory = unpack(&answer.stdout, &destination)?;
    if local.ends_with('/') && !is_directory && !standardised(local)?.is_dir() {
        fs::remove_file(&destination).map_err(|error| io(&error))?;
        return Err(Failure::invalid(format!(
            "destination is not a directory: {local}"
        )));
    }
    emit(&destination.to_string_lossy());
    Ok(())
}

/// Reads a path of a container as an archive; the end of a link is read, not the link.
fn read_out(context: &Context<'_>, source: &str) -> Result<Answer, Failure> {
    match context.engine.kind {
        Kind::Docker => context.engine.ask(&["cp", "--follow-link", source, "-"]),
        Kind::Podman => context.engine.ask(&["cp", source, "-"]),
    }
}

/// Unpacks an archive whose first entry becomes the destination. Returns whether it is a directory.
fn unpack(archive: &[u8], destination: &Path) -> Result<bool, Failure> {
    let mut is_directory = false;
    let mut archive = tar::Archive::new(archive);
    for (index, entry) in archive.entries().map_err(|error| io(&error))?.enumerate() {
        let mut entry = entry.map_err(|error| io(&error))?;
        let path = entry.path().map_err(|error| io(&error))?.into_owned();
        if index == 0 {
            is_directory = entry.header().entry_type().is_dir();
        }
        let inner: PathBuf = path.components().skip(1).collect();
        if !is_directory {
            let mut content = Vec::new();
            entry
                .read_to_end(&mut content)
                .map_err(|error| io(&error))?;
            let parent = destination.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(parent).map_err(|error| io(&error))?;
            let mut file = fs::File::create(destination).map_err(|error| io(&error))?;
            file.write_all(&content).map_err(|error| io(&error))?;
            // The mode is lost on Apple's way for a single file.
            file.set_permissions(fs::Permissions::from_mode(0o644))
                .map_err(|error| io(&error))?;
            return Ok(false);
        }
        let target = if inner.as_os_str().is_empty() {
            destination.to_owned()
        } else {
            destination.join(inner)
        };
        if entry.header().entry_type().is_dir() {
            fs::create_dir_all(&target).map_err(|error| io(&error))?;
        } else {
            entry.unpack(&target).map_err(|error| io(&error))?;
        }
    }
    Ok(is_directory)
}

/// Copies into a container.
fn into(context: &Context<'_>, local: &str, id: &str, path: &str) -> Done {
    let source = standardised(local)?;
    let name = last_component(&source, local)?;
    if !source.exists() {
        let message = format!("source path does not exist: {local}");
        return Err(Failure::missing(message));
    }
    if local.ends_with('/') && !source.is_dir() {
        return Err(Failure::invalid(format!(
            "source path is not a directory: {local}"
        )));
    }
    running(context, id, "copyIn")?;
    let target = target(context, id, path, &name)?;
    let archive = pack(&source, &target).map_err(|error| io(&error))?;
    let mut command = context.engine.command(&["cp", "-", &format!("{id}:/")]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| io(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // When the engine stops reading it says why, which is read below.
        drop(stdin.write_all(&archive));
    }
    let output = child.wait_with_output().map_err(|error| io(&error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(Code::InternalError, complaint).because("failed to copy"));
    }
    let end = if path.ends_with('/') {
        name.as_str()
    } else {
        ""
    };
    emit(&format!("{id}:{path}{end}"));
    Ok(())
}

/// Returns the full path in the container: below the destination when it is, or is said to be, a
/// directory.
fn target(context: &Context<'_>, id: &str, path: &str, name: &str) -> Result<PathBuf, Failure> {
    if path.ends_with('/') {
        return Ok(Path::new(path).join(name));
    }
    let place = format!("{id}:{path}");
    let answer = read_out(context, &place)?;
    let mut archive = tar::Archive::new(Cursor::new(answer.stdout));
    let first = archive
        .entries()
        .ok()
        .and_then(|mut entries| entries.next()?.ok());
    let is_directory = first.is_some_and(|entry| entry.header().entry_type().is_dir());
    let path = Path::new(path);
    Ok(if is_directory {
        path.join(name)
    } else {
        path.to_owned()
    })
}

/// Packs a file or a directory under its path in the container. Missing parents come with it.
fn pack(source: &Path, target: &Path) -> std::io::Result<Vec<u8>> {
    let inside = target.strip_prefix("/").unwrap_or(target);
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    if source.is_dir() {
        archive.append_dir_all(inside, source)?;
    } else {
        let content = fs::read(source)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len()).unwrap_or(0));
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, inside, content.as_slice())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_before_an_absolute_path() {
        let local = |path: &str| Side::Local(path.to_owned());
        assert_eq!(Side::parse("a/b").unwrap(), local("a/b"));
        let inside = Side::Container {
            id: "c1".to_owned(),
            path: "/x".to_owned(),
        };
        assert_eq!(Side::parse("c1:/x").unwrap(), inside);
        for bad in ["c1:x", ":/x", "c1:/x:y", "a:b:c"] {
            let text = Side::parse(bad).unwrap_err().text().unwrap();
            assert_eq!(text, format!("invalid path given: {bad}"));
        }
    }
}
