//! Places that must not be written: the kernel's settings, control groups, folders of the host; and
//! links out of the workspace.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use bottle_contract::attack::Tried;

use super::rows::{Checked, Seen, checked, must_be_denied, row, stopped, through, unclear, worst};
use super::scene::Scene;
use super::walk::walk;

/// Settings by which a process becomes the kernel's, or opens the network.
const SETTINGS: [&str; 9] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv4/conf/all/rp_filter",
    "/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/binfmt_misc/register",
];
const EMERGENCY: [&str; 3] = [
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/sysrq",
    "/proc/acpi/wakeup",
];
const SYS: [&str; 5] = [
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/module/kernel/parameters/panic",
    "/sys/fs/selinux/enforce",
];
const GROUPS: [&str; 6] = [
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/cgroup.subtree_control",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/rdma/release_agent",
];
/// How many files of a tree of the kernel's are tried.
const FILES: usize = 4000;
/// Files of the engine's own that are writable in every container, each made for it.
const ENGINES: [&str; 4] = [
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/run/.containerenv",
];
/// File systems that are the kernel's or the bottle's own memory.
const OWN: [&str; 10] = [
    "proc",
    "sysfs",
    "tmpfs",
    "devpts",
    "mqueue",
    "cgroup",
    "cgroup2",
    "devtmpfs",
    "ramfs",
    "binfmt_misc",
];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    vec![
        row("proc-sys", settings(), control()),
        row("sysrq", all(EMERGENCY.map(PathBuf::from)), control()),
        row("sys", all(tree("/sys", &SYS)), control()),
        row("cgroup", all(tree("/sys/fs/cgroup", &GROUPS)), control()),
        row("host-folders", host_folders(scene), mounts_control()),
        row("links", links(scene), links_control(scene)),
    ]
}

fn settings() -> Seen {
    all(tree("/proc/sys", &SETTINGS))
}

/// Opens each for writing, and writes nothing.
fn all(paths: impl IntoIterator<Item = PathBuf>) -> Seen {
    let mut tried = 0_usize;
    let mut open = Vec::new();
    let mut last = String::new();
    for path in paths {
        tried += 1;
        match must_be_denied(
            &path.display().to_string(),
            OpenOptions::new().write(true).open(&path),
        ) {
            (bottle_contract::attack::Finding::Stopped, evidence) => last = evidence,
            (_, evidence) => open.push(evidence),
        }
    }
    if open.is_empty() {
        stopped(format!("{tried} files, none can be written; {last}"))
    } else {
        open.truncate(8);
        through(open.join("; "))
    }
}

/// The named files, and those of the tree whose mode would let this user write.
fn tree(root: &str, named: &[&str]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
    walk(Path::new(root), FILES, &mut |path| {
        let writable = fs::symlink_metadata(path).is_ok_and(|file| {
            let own = file.uid() == rustix::process::getuid().as_raw();
            file.is_file() && (file.mode() & 0o002 != 0 || own && file.mode() & 0o200 != 0)
        });
        if writable {
            paths.push(path.to_owned());
        }
    });
    paths
}

/// The process's own name can be written by the same call.
fn control() -> Checked {
    checked(
        "`/proc/self/comm` can be written",
        OpenOptions::new().write(true).open("/proc/self/comm"),
    )
}

/// One line of the list of mounts.
struct Mount {
    point: PathBuf,
    kind: String,
    writable: bool,
    root: String,
}

fn mounts() -> Vec<Mount> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines().filter_map(mount).collect()
}

/// Reads a line: the options of the mount itself stand before the dash, the kind after it.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let before: Vec<&str> = before.split(' ').collect();
    let [_, _, _, root, point, options, ..] = before.as_slice() else {
        return None;
    };
    let mut after = after.split(' ');
    let kind = after.next()?;
    let whole = after.next_back()?;
    let read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        point: PathBuf::from(point.replace("\\040", " ")),
        kind: kind.to_owned(),
        writable: !read_only(options) && !read_only(whole),
        root: (*root).to_owned(),
    })
}

/// Where something is mounted: a socket may be.
pub(super) fn mount_points() -> Vec<PathBuf> {
    let own = |mount: &Mount| OWN.contains(&mount.kind.as_str()) || mount.kind == "overlay";
    mounts()
        .into_iter()
        .filter(|mount| !own(mount))
        .map(|mount| mount.point)
        .filter(|point| point != Path::new("/"))
        .collect()
}

/// A folder of a disk, mounted to be written, is the host's; but for the workspace that was asked for.
fn host_folders(scene: &Scene) -> Seen {
    let found: Vec<String> = mounts()
        .into_iter()
        .filter(|mount| mount.writable && !OWN.contains(&mount.kind.as_str()))
        .filter(|mount| mount.point != Path::new("/") && mount.kind != "overlay")
        .filter(|mount| !ENGINES.iter().any(|path| mount.point == Path::new(path)))
        .filter(|mount| mount.point != scene.workdir)
        .map(|mount| {
            format!(
                "`{}` ({}, {})",
                mount.point.display(),
                mount.kind,
                mount.root
            )
        })
        .collect();
    if found.is_empty() {
        stopped("none but the workspace")
    } else {
        through(format!("can be written: {}", found.join(", ")))
    }
}

fn mounts_control() -> Checked {
    match mounts().len() {
        0 => Err("the list of mounts cannot be read".to_owned()),
        count => Ok(format!("{count} mounts are listed")),
    }
}

/// Links that climb: whatever they name is the bottle's own.
fn links(scene: &Scene) -> Seen {
    let root = fs::metadata("/").map(|root| (root.dev(), root.ino()));
    let climbs = format!("{}..", "../".repeat(32));
    let seen = in_link(&scene.workdir, Path::new(&climbs), |link| {
        fs::metadata(link)
    });
    let up = match (root, seen) {
        (Ok(root), Ok(found)) if (found.dev(), found.ino()) == root => {
            stopped("a link that climbs ends at the bottle's own root")
        }
        (Ok(_), Ok(_)) => through("a link that climbs leads out of the bottle's root"),
        (Err(error), _) | (_, Err(error)) => unclear(format!("a link that climbs: {error}")),
    };
    let shadow = in_link(
        &scene.workdir,
        Path::new("/proc/1/root/etc/shadow"),
        |link| File::open(link),
    );
    worst([
        up,
        must_be_denied("a link through process 1's root", shadow),
    ])
}

/// A link inside the workspace is followed.
fn links_control(scene: &Scene) -> Checked {
    checked(
        "a link inside the workspace is followed",
        in_link(&scene.workdir, Path::new("."), |link| fs::metadata(link)),
    )
}

/// Makes a link, looks through it, and removes it.
fn in_link<T>(
    folder: &Path,
    target: &Path,
    look: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<T> {
    let name = format!(
        ".bottle-attack-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let link = folder.join(name);
    symlink(target, &link)?;
    let seen = look(&link);
    fs::remove_file(&link)?;
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read() {
        let read = |line| mount(line).map(|mount| (mount.point, mount.kind, mount.writable));
        let line =
            "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext4 /dev/root rw,errors=continue";
        assert_eq!(
            read(line),
            Some((PathBuf::from("/mnt 2"), "ext4".to_owned(), true))
        );
        let line = "36 35 98:0 / /mnt ro,noatime - ext4 /dev/root rw";
        assert_eq!(
            read(line),
            Some((PathBuf::from("/mnt"), "ext4".to_owned(), false))
        );
        assert_eq!(read("36 35"), None);
    }

    #[test]
    fn a_link_is_looked_through_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let seen = in_link(folder.path(), Path::new("/"), |link| fs::metadata(link)).unwrap();
        assert!(seen.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
