//! `native detach`, `native stop` and `native end`: what is asked of a bottle that is there.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use super::limits::{KILL, STOP};
use super::processes;
use super::watch::DETACH;

/// Tells the keeper to start the agent's command, and to stay when the launcher ends.
pub(super) fn detach(words: &[OsString]) -> anyhow::Result<()> {
    let [keeper] = words else {
        bail!("`detach` needs the keeper");
    };
    let Some(keeper) = open(keeper)? else {
        bail!("the bottle has ended");
    };
    processes::signal(&keeper, DETACH)
}

/// Asks the agent to end, waits for that a while, and then ends everything.
pub(super) fn stop(words: &[OsString]) -> anyhow::Result<()> {
    let [_keeper, agent, ..] = words else {
        bail!("`stop` needs the keeper and the agent's first process");
    };
    if let Some(agent) = open(agent)? {
        processes::signal(&agent, Signal::TERM)?;
        processes::wait(&agent, STOP)?;
    }
    end(words)
}

/// Ends the keeper, and waits until it and what it started have ended.
pub(super) fn end(words: &[OsString]) -> anyhow::Result<()> {
    let handles: Vec<OwnedFd> = words
        .iter()
        .filter_map(|word| open(word).transpose())
        .collect::<anyhow::Result<_>>()?;
    for handle in &handles {
        // Only the keeper listens; the others end with it.
        processes::signal(handle, Signal::TERM)?;
        if !processes::wait(handle, KILL)? {
            processes::signal(handle, Signal::KILL)?;
        }
        if !processes::wait(handle, KILL)? {
            bail!("a process of the bottle does not end, though it was killed");
        }
    }
    Ok(())
}

fn open(word: &OsString) -> anyhow::Result<Option<OwnedFd>> {
    let process = word
        .to_str()
        .unwrap_or_default()
        .parse()
        .context("a process is missing")?;
    processes::open(process)
}
