//! `native init`: the first process of the agent's. It puts the last things right, gives up
//! everything that it may do, and then is the guest's init.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, bail};
use rustix::mount::{MountFlags, mount, mount_bind};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};

use super::ids;
use super::mounts::{self, Use};
use crate::guest;

/// What of `/proc` may be read, and not written: the kernel's settings.
const READ: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
/// What of `/proc` is nobody's business: the machine's memory, keys, timers and interrupts.
const HIDDEN: [&str; 7] = [
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/timer_list",
    "/proc/kmsg",
];
/// Folders of `/proc` that are about the machine's devices.
const HIDDEN_FOLDERS: [&str; 3] = ["/proc/acpi", "/proc/scsi", "/proc/asound"];

/// Waits for the keeper's word, and becomes the guest's init. Returns the status to end with.
pub(super) fn init() -> anyhow::Result<u8> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be bound to the keeper")?;
    let mut word = [0; 1];
    // The keeper lived after the line above, or there is no word.
    if std::io::stdin()
        .read(&mut word)
        .context("cannot hear the keeper")?
        == 0
    {
        bail!("the keeper has ended");
    }
    let keeper = close_input()?;
    processes()?;
    ids::give_up()?;
    // It is the agent's user too, and must not be the agent's to trace.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot hide its memory")?;
    guest::init::init_and_stay(|status| {
        // A keeper that has ended takes this process along.
        File::from(keeper).write_all(&[status]).ok();
    })
}

/// Leaves the keeper's socket for an input that never says anything, and returns the socket, which no other
/// program gets.
fn close_input() -> anyhow::Result<OwnedFd> {
    let input = std::io::stdin();
    let keeper = rustix::io::fcntl_dupfd_cloexec(input, 3).context("cannot keep its input")?;
    let null = File::open("/dev/null").context("cannot open `/dev/null`")?;
    rustix::stdio::dup2_stdin(null).context("cannot close its input")?;
    Ok(keeper)
}

/// Makes a `/proc` that shows the bottle's processes, and little of the kernel.
fn processes() -> anyhow::Result<()> {
    let at = Path::new("/proc");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", at, "proc", flags, None).context("cannot make `/proc`")?;
    for path in READ.map(Path::new).into_iter().filter(|path| path.exists()) {
        mount_bind(path, path).with_context(|| format!("cannot guard `{}`", path.display()))?;
        mounts::limit(path, Use::Read)?;
    }
    for path in HIDDEN
        .map(Path::new)
        .into_iter()
        .filter(|path| path.exists())
    {
        mount_bind("/dev/null", path)
            .with_context(|| format!("cannot hide `{}`", path.display()))?;
    }
    for path in HIDDEN_FOLDERS
        .map(Path::new)
        .into_iter()
        .filter(|path| path.exists())
    {
        mounts::memory(path, "mode=555,size=4k")?;
        mounts::limit(path, Use::Read)?;
    }
    Ok(())
}
