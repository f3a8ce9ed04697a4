//! Mounts, as few kinds of them as are needed, and the way into a new root.

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};

use super::limits::ROOT_FILES;

/// Where the host's file system lies while a new root is built.
pub(super) const OLD: &str = "/old";
/// Where the new root lies meanwhile.
pub(super) const NEW: &str = "/new";
/// Where a file system in memory lies whose folders are to be shared out.
pub(super) const MEMORY: &str = "/memory";

/// What programs may do on a mount, beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Read and run programs.
    Read,
    /// Write as well.
    Write,
    /// Read and write, and nothing that lies there can be run.
    Data,
    /// Use the devices that lie there.
    Devices,
}

/// Begins a new root in a mount namespace of this process's own: an empty folder in memory at [`NEW`],
/// another one at [`MEMORY`], and the host's at [`OLD`].
pub(super) fn begin(owner: (u32, u32)) -> anyhow::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot keep mounts to itself")?;
    // Any folder that every system has: what lies in it on the host is seen below `OLD`.
    let base = Path::new("/tmp");
    memory(base, "mode=755,size=64k")?;
    for place in [OLD, NEW, MEMORY] {
        fs::create_dir(base.join(place.trim_start_matches('/')))
            .with_context(|| format!("cannot make `{place}`"))?;
    }
    let old = base.join(OLD.trim_start_matches('/'));
    rustix::process::pivot_root(base, &old).context("cannot turn to a new root")?;
    rustix::process::chdir("/").context("cannot go to the new root")?;
    let (uid, gid) = owner;
    memory(
        Path::new(NEW),
        &format!("mode=755,size=16m,nr_inodes={ROOT_FILES}"),
    )?;
    memory(Path::new(MEMORY), &format!("mode=755,uid={uid},gid={gid}"))
}

/// Goes into the new root for good, which cannot be written from then on, and leaves the host's.
pub(super) fn finish() -> anyhow::Result<()> {
    limit(Path::new(NEW), Use::Read)?;
    rustix::process::chdir(NEW).context("cannot go to the new root")?;
    rustix::process::pivot_root(".", ".").context("cannot turn to the new root")?;
    // The old root lies on top of the new one at this moment.
    unmount(".", UnmountFlags::DETACH).context("cannot leave the host's file system")?;
    rustix::process::chdir("/").context("cannot go to the new root")
}

/// Mounts a file system in memory.
pub(super) fn memory(at: &Path, options: &str) -> anyhow::Result<()> {
    filesystem("tmpfs", at, options)
}

/// Mounts a file system that the kernel makes itself.
pub(super) fn filesystem(kind: &str, at: &Path, options: &str) -> anyhow::Result<()> {
    let options = CString::new(options)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount(kind, at, kind, flags, Some(options.as_c_str()))
        .with_context(|| format!("cannot mount `{kind}` at `{}`", at.display()))
}

/// Shows a file or folder at another place too, with all that is mounted in it.
pub(super) fn share(source: &Path, target: &Path, access: Use) -> anyhow::Result<()> {
    let what = || {
        format!(
            "cannot show `{}` at `{}`",
            source.display(),
            target.display()
        )
    };
    mount_bind_recursive(source, target).with_context(what)?;
    for place in below(target)? {
        limit(&place, access).with_context(what)?;
    }
    Ok(())
}

/// Takes from a mount what is not to be done there.
pub(super) fn limit(at: &Path, access: Use) -> anyhow::Result<()> {
    let more = match access {
        Use::Read => MountFlags::RDONLY | MountFlags::NODEV,
        Use::Write => MountFlags::NODEV,
        Use::Data => MountFlags::NODEV | MountFlags::NOEXEC,
        Use::Devices => MountFlags::NOEXEC,
    };
    let flags = present(at)? | more | MountFlags::NOSUID | MountFlags::BIND;
    mount_remount(at, flags, c"").with_context(|| format!("cannot limit `{}`", at.display()))
}

/// Makes an empty folder for a mount.
pub(super) fn folder(at: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(at).with_context(|| format!("cannot make the folder `{}`", at.display()))
}

/// Makes an empty file for a mount.
pub(super) fn file(at: &Path) -> anyhow::Result<()> {
    if let Some(parent) = at.parent() {
        folder(parent)?;
    }
    File::create(at)
        .map(drop)
        .with_context(|| format!("cannot make the file `{}`", at.display()))
}

/// Returns where a path of the host's lies while a new root is built.
pub(super) fn old(path: &Path) -> PathBuf {
    below_root(OLD, path)
}

/// Returns where a path of the new root lies meanwhile.
pub(super) fn new(path: impl AsRef<Path>) -> PathBuf {
    below_root(NEW, path.as_ref())
}

fn below_root(root: &str, path: &Path) -> PathBuf {
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

/// Reads the flags of a mount: a namespace may not take away those that its maker had not set.
fn present(at: &Path) -> anyhow::Result<MountFlags> {
    let known = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let found = statvfs(at)
        .with_context(|| format!("cannot read the flags of `{}`", at.display()))?
        .f_flag;
    let present = known.into_iter().filter(|(seen, _)| found.contains(*seen));
    Ok(present.map(|(_, flag)| flag).collect())
}

/// Lists a mount and those in it.
fn below(target: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let table = old(Path::new("/proc/self/mountinfo"));
    let text = fs::read(&table).context("cannot read the table of mounts")?;
    let found: Vec<PathBuf> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescaped)
        .filter(|place| place.starts_with(target))
        .collect();
    if found.is_empty() {
        bail!("`{}` is not in the table of mounts", target.display());
    }
    Ok(found)
}

/// Reads a path of the table of mounts, in which blanks and the like are three octal digits.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let octal = (*first == b'\\')
            .then(|| tail.split_at_checked(3))
            .flatten();
        let read = octal.and_then(|(digits, tail)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 8).ok()?, tail))
        });
        let (byte, tail) = read.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = tail;
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn the_table_of_mounts_is_read_with_its_blanks() {
        for (text, expected) in [
            ("/a", "/a"),
            (r"/a\040b", "/a b"),
            (r"/a\134040", r"/a\040"),
            (r"/a\", r"/a\"),
            (r"/\9xx", r"/\9xx"),
        ] {
            let read = unescaped(text.as_bytes());
            assert_eq!(read.as_os_str().as_bytes(), expected.as_bytes());
        }
    }
}
