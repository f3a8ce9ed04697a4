//! User namespaces with one user and one group in them.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use bottle_contract::native::Ids;
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::{
    self, CapabilitySet, CapabilitySets, Gid, Uid, UnshareFlags, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

/// Whether bottle was started by the host's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was.
    Root,
    /// By somebody else, who has no privilege here.
    User,
}

impl Standing {
    /// Looks at this process.
    pub(super) fn own() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Root
        } else {
            Self::User
        }
    }
}

/// Leaves namespaces of the host's for new ones.
#[expect(
    deprecated,
    reason = "the form without `unsafe`: the one flag that needs care, for descriptors, is not used"
)]
pub(super) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    thread::unshare(flags)
}

/// Enters a new user namespace, in which this process may do everything and has these numbers.
pub(super) fn enter_new(ids: Ids) -> anyhow::Result<()> {
    unshare(UnshareFlags::NEWUSER).context(
        "the kernel does not let this user make a user namespace (`bottle doctor` says which switch forbids it)",
    )?;
    // Without it a process could drop a group by which it is kept out of a file.
    write("/proc/self/setgroups", "deny")?;
    write(
        "/proc/self/uid_map",
        &format!("{} {} 1", ids.uid, ids.host_uid),
    )?;
    write(
        "/proc/self/gid_map",
        &format!("{} {} 1", ids.gid, ids.host_gid),
    )
}

/// Becomes another user of the host's, for good; for a process of root's.
pub(super) fn become_on_host(ids: Ids) -> anyhow::Result<()> {
    become_user(ids.host_uid, ids.host_gid)?;
    // The change of users closed its own files in `/proc`, where the namespace's numbers are written.
    set_dumpable_behavior(DumpableBehavior::Dumpable)
        .context("cannot open its own files in `/proc`")
}

/// Takes these numbers and no other group.
pub(super) fn become_user(uid: u32, gid: u32) -> anyhow::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    // In a namespace that denies it there are no groups to drop that would count for anything there.
    set_thread_groups(&[])
        .or_else(|error| {
            if error == rustix::io::Errno::PERM {
                Ok(())
            } else {
                Err(error)
            }
        })
        .context("cannot drop groups")?;
    set_thread_res_gid(gid, gid, gid).context("cannot change the group")?;
    set_thread_res_uid(uid, uid, uid).context("cannot change the user")
}

/// Lets the next program keep what this process may do, though it is not root.
pub(super) fn keep_through_start() -> anyhow::Result<()> {
    let own = thread::capabilities(None)?;
    let sets = CapabilitySets {
        inheritable: own.permitted,
        ..own
    };
    thread::set_capabilities(None, sets).context("cannot pass capabilities on")?;
    for capability in own.permitted.iter() {
        thread::configure_capability_in_ambient_set(capability, true)
            .context("cannot pass a capability on")?;
    }
    Ok(())
}

/// Sees to it that no program that is started from here on can be given any capability.
pub(super) fn bound() -> anyhow::Result<()> {
    let own = thread::capabilities(None)?;
    // Who may not do this has none to give up.
    let bounded = own.effective.contains(CapabilitySet::SETPCAP);
    for capability in CapabilitySet::all().iter().filter(|_| bounded) {
        if thread::capability_is_in_bounding_set(capability).unwrap_or(false) {
            thread::remove_capability_from_bounding_set(capability)
                .context("cannot bound capabilities")?;
        }
    }
    Ok(())
}

/// Gives up everything that this process may do, also by programs that it starts.
pub(super) fn give_up() -> anyhow::Result<()> {
    bound()?;
    thread::clear_ambient_capability_set().context("cannot drop capabilities")?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    thread::set_capabilities(None, sets).context("cannot drop capabilities")?;
    thread::set_no_new_privs(true).context("cannot refuse new privileges")
}

/// Ends this process when its parent ends, which must be this one.
pub(super) fn bound_to(parent: &OsStr) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be bound to its parent")?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    // It may have ended before the line above.
    if now.as_deref().map(OsStr::new) != Some(parent) {
        bail!("the process that started this one has ended");
    }
    Ok(())
}

fn write(path: &str, text: &str) -> anyhow::Result<()> {
    let write = || {
        OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write `{text}` to `{path}`"))
}
