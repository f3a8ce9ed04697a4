//! The agent's `/dev`: what every program may use, and terminals of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::Context as _;

use super::mounts::{self, Use};

/// The host's devices that hold nothing of the host's.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Names that programs expect, and what they lead to.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes `/dev` of the new root, but for the shared memory in it.
pub(super) fn make() -> anyhow::Result<()> {
    let dev = mounts::new("/dev");
    mounts::folder(&dev)?;
    for device in DEVICES {
        let target = dev.join(device);
        mounts::file(&target)?;
        let source = mounts::old(Path::new("/dev")).join(device);
        mounts::share(&source, &target, Use::Devices)?;
    }
    for (name, to) in LINKS {
        symlink(to, dev.join(name)).with_context(|| format!("cannot link `/dev/{name}`"))?;
    }
    let terminals = dev.join("pts");
    fs::create_dir(&terminals).context("cannot make `/dev/pts`")?;
    let options = c"newinstance,ptmxmode=0666,mode=600";
    let flags = rustix::mount::MountFlags::NOSUID | rustix::mount::MountFlags::NOEXEC;
    rustix::mount::mount("devpts", &terminals, "devpts", flags, Some(options))
        .context("cannot make terminals for the bottle")
}
