//! `native exec`: runs the guest in a bottle that is there, between the caller's streams and its own.

use std::ffi::OsString;
use std::os::fd::AsFd as _;

use anyhow::{Context as _, bail};
use bottle_contract::native::Process;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use super::groups::{self, Membership};
use super::ids::{self, Standing};
use super::{processes, streams, terminal};

/// What of the caller's is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connected {
    Terminal,
    Streams,
}

/// Enters a bottle by its first process and runs the guest there; returns the status that it ended with.
pub(super) fn exec(words: &[OsString]) -> anyhow::Result<u8> {
    let [process, user, words @ ..] = words else {
        bail!("`exec` needs a process and a user");
    };
    let (groups, words) = groups::among(words);
    let [connected, words @ ..] = words else {
        bail!("`exec` needs to know what is connected, and words for the guest");
    };
    let connected = match connected.to_str() {
        Some("terminal") => Connected::Terminal,
        Some("streams") => Connected::Streams,
        Some(_) | None => bail!("`exec` connects a `terminal` or `streams`"),
    };
    let (uid, gid) = numbers(user).context("`exec` needs a user and a group, as in `1000:1000`")?;
    let process = process.to_str().unwrap_or_default().parse()?;
    // Before the namespaces, too: whatever runs in the bottle is bounded with the agent.
    for group in groups {
        Membership::open(&group)?.take_in_self()?;
    }
    // Before the namespaces, where the variables and the terminal are the user's.
    let kind = terminal::kind();
    enter(process, uid, gid)?;
    match connected {
        Connected::Terminal => terminal::run(words, &kind),
        Connected::Streams => streams::run(words),
    }
}

fn numbers(text: &OsString) -> Option<(u32, u32)> {
    let (uid, gid) = text.to_str()?.split_once(':')?;
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

/// Goes where the agent is; processes that are started from then on are its neighbours.
fn enter(process: Process, uid: u32, gid: u32) -> anyhow::Result<()> {
    let Some(handle) = processes::open(process)? else {
        bail!("the bottle has ended");
    };
    if Standing::own() == Standing::Root {
        rustix::thread::set_thread_groups(&[]).context("cannot drop groups")?;
    }
    let all = ThreadNameSpaceType::USER
        | ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::PROCESS_ID
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::CONTROL_GROUP;
    move_into_thread_name_spaces(handle.as_fd(), all).context("cannot enter the bottle")?;
    ids::become_user(uid, gid)?;
    ids::bound()?;
    // Its own program lies on the host, where nobody in the bottle may find it through `/proc`.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot hide its memory")
}
