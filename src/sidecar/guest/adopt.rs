//! `guest adopt`: makes an image ready for the agent's user, once, while the image is built.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use bottle_contract::guest::{GUEST, HOME, PUBLIC_ROOTS, RUN_DIR};

use super::accounts;
use super::files::{self, Made};
use super::limits::SURROUNDINGS_BYTES;

/// How a manifest's wish for root is written; any other way to user 0 is the image's own idea.
const ROOT_ON_PURPOSE: &str = "0:0";

/// The bits of a mode that let a group or everybody write.
const OTHERS_WRITE: u32 = 0o022;

/// Folders that belong to the system, with all that is in them.
const SYSTEM_TREES: [&str; 13] = [
    "/.bottle", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc",
    "/sbin", "/sys", "/usr/bin",
];
/// Folders that belong to the system, while those in them may be anybody's.
const SYSTEM_FOLDERS: [&str; 22] = [
    "/",
    "/home",
    "/media",
    "/mnt",
    "/nonexistent",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/lib",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/run",
    "/var/tmp",
];

/// Makes the user, its folders and ours. May run again: what is there already stays.
pub(super) fn adopt(
    root: &Path,
    user: &str,
    workdir: &Path,
    covered: Covered,
) -> anyhow::Result<()> {
    files::check_absolute(workdir)?;
    let passwd_path = files::under(root, "/etc/passwd");
    let passwd = files::read_if_there(&passwd_path, SURROUNDINGS_BYTES)?.unwrap_or_default();
    let group_path = files::under(root, "/etc/group");
    let group = files::read_if_there(&group_path, SURROUNDINGS_BYTES)?.unwrap_or_default();
    let (uid, gid) = accounts::numbers(user, &passwd, &group)
        .ok_or_else(|| anyhow!("the image has no user or group `{user}`"))?;
    if uid == 0 && user != ROOT_ON_PURPOSE {
        bail!(
            "the image's user `{user}` is root: set `user = \"root\"` in `[image]`, or another user"
        );
    }
    if let Some(text) = accounts::with_user(&passwd, uid, gid, HOME, shell(root)) {
        rewrite(&passwd_path, &text)?;
    }
    if let Some(text) = accounts::with_group(&group, gid) {
        rewrite(&group_path, &text)?;
    }

    give(root, &home(&passwd, uid), uid, gid)?;
    give(root, workdir, uid, gid)?;
    if covered == Covered::ByMemory {
        open_to_all(root, Path::new(HOME))?;
        open_to_all(root, workdir)?;
    }
    files::make_folders(&files::under(root, RUN_DIR))?;
    let tmp = files::under(root, "/tmp");
    if files::make_folders(&tmp)? == Made::New {
        files::set_mode(&tmp, 0o1777).context("cannot set the mode of `/tmp`")?;
    }
    require_own(root)
}

/// Refuses an image in which others than root could put another program in the guest's place: the engine
/// lends it privileges, also when a bottle is started again whose agent has run.
fn require_own(root: &Path) -> anyhow::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    for path in ["/", "/.bottle", GUEST, PUBLIC_ROOTS, RUN_DIR] {
        let known = match fs::symlink_metadata(files::under(root, path)) {
            Ok(known) => known,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot look at `{path}`")),
        };
        // A link has all bits of a mode.
        if known.uid() != own || known.mode() & OTHERS_WRITE != 0 {
            bail!(
                "others than root can change `{path}` in this image, and with it what seals the bottle: make it root's own, with `chmod go-w {path}`"
            );
        }
    }
    Ok(())
}

/// Whether folders in memory will lie over the home and the workspace, as on a read-only root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// They will not.
    No,
    /// They will: the runtime (runc 1.1) gives each the mode of the folder beneath, and root as its owner.
    ByMemory,
}

/// Makes a folder that everybody may write to, unless it is the system's.
fn open_to_all(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let here = files::under(root, folder);
    let made = files::make_folders(&here)?;
    if made == Made::Before && belongs_to_system(&real_place(root, &here)?) {
        return Ok(());
    }
    files::set_mode(&here, 0o1777)
        .with_context(|| format!("cannot set the mode of `{}`", folder.display()))
}

/// The home folder that the agent gets: a system folder, as of `nobody`, is no place to write.
fn home(passwd: &[u8], uid: u32) -> PathBuf {
    let known = accounts::home_of(passwd, uid);
    let own = known.filter(|home| uid == 0 || !belongs_to_system(home));
    own.filter(|home| files::check_absolute(home).is_ok())
        .unwrap_or_else(|| PathBuf::from(HOME))
}

fn shell(root: &Path) -> &'static str {
    let there = |shell: &&str| files::under(root, shell).symlink_metadata().is_ok();
    ["/bin/bash", "/bin/sh"]
        .into_iter()
        .find(there)
        .unwrap_or(GUEST)
}

/// Rewrites a file of `/etc` and keeps its mode.
fn rewrite(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        files::make_folders(folder)?;
    }
    let mode = fs::metadata(path).map_or(0o644, |known| known.mode() & 0o7777);
    files::replace(path, text, mode).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Makes a folder and gives it to the user, unless it is the system's. What lies in it keeps its owner.
fn give(root: &Path, folder: &Path, uid: u32, gid: u32) -> anyhow::Result<()> {
    let here = files::under(root, folder);
    let made = files::make_folders(&here)?;
    // A link must not lead the change of owner to a place that its name does not show.
    let real = real_place(root, &here)?;
    if made == Made::Before && belongs_to_system(&real) {
        return Ok(());
    }
    chown(&here, Some(uid), Some(gid))
        .with_context(|| format!("cannot give `{}` to user {uid}", folder.display()))
}

/// Returns where a folder really lies, as a path under the root.
fn real_place(root: &Path, here: &Path) -> anyhow::Result<PathBuf> {
    let what = || format!("cannot resolve `{}`", here.display());
    let real = here.canonicalize().with_context(what)?;
    let root = root.canonicalize().with_context(what)?;
    let inside = real
        .strip_prefix(&root)
        .map_err(|_| anyhow!("`{}` leads out of `{}`", here.display(), root.display()))?;
    Ok(Path::new(OsStr::new("/")).join(inside))
}

fn belongs_to_system(folder: &Path) -> bool {
    SYSTEM_TREES.iter().any(|tree| folder.starts_with(tree))
        || SYSTEM_FOLDERS
            .iter()
            .any(|system| folder == Path::new(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_folders_are_told_from_those_of_a_user() {
        for (folder, expected) in [
            ("/", true),
            ("/etc", true),
            ("/etc/agent", true),
            ("/home", true),
            ("/home/agent", false),
            ("/usr/src", true),
            ("/usr/src/app", false),
            ("/etcetera", false),
            ("/workspace", false),
            ("/tmp", true),
            ("/tmp/", true),
            ("/tmp/work", false),
        ] {
            assert_eq!(belongs_to_system(Path::new(folder)), expected, "{folder}");
        }
    }

    #[test]
    fn a_user_without_a_usable_home_gets_ours() {
        let passwd = b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:1::/nonexistent:/x\nnode:x:1000:1::/home/node:/x\nup:x:7:7::/home/../etc:/x\n";
        for (uid, expected) in [
            (0, "/root"),
            (65534, HOME),
            (1000, "/home/node"),
            (7, HOME),
            (8, HOME),
        ] {
            assert_eq!(home(passwd, uid), Path::new(expected), "{uid}");
        }
    }
}

#[cfg(test)]
#[path = "adopt_tests.rs"]
mod folders;
