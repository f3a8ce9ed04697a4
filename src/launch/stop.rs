//! The end of a bottle, asked for from another terminal.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rustix::process::{Pid, Signal, kill_process};

use super::ask::audit_head;
use super::inventory::backend_of;
use super::logs;
use crate::backends::Registry;
use crate::error::{Error, Result};
use crate::state::{Bottle, Keep, Lock, Phase, Record, StateDir, is_held};
use crate::ui::Ui;

/// How long a launcher may take to remove its bottle, once it was told to.
const LAUNCHER: Duration = Duration::from_mins(1);
/// How often its lock is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Ends a bottle and removes what was made for it; what `--keep` asked for stays.
///
/// Of a bottle that has ended already the rest goes too: its logs and its record.
pub fn stop(registry: &Registry, state: &StateDir, bottle: &Bottle, ui: &Ui) -> Result<()> {
    if bottle.held {
        return tell_launcher(state, bottle);
    }
    let dir = state.bottle(&bottle.id);
    let _lock = bottle
        .stored
        .then(|| Lock::acquire(&dir.lock()))
        .transpose()?;
    if bottle.resources.is_empty() {
        return Ok(dir.remove()?);
    }
    let backend = backend_of(registry, bottle)?;
    if !bottle.stored {
        return Ok(backend.remove(&bottle.id)?);
    }
    let kept = bottle
        .record
        .as_ref()
        .filter(|record| record.keep == Some(Keep::Asked));
    let head = kept.and_then(|_| audit_head(backend, &bottle.id));
    backend.stop(&bottle.id)?;
    if kept.is_some() {
        logs::save(backend, &bottle.id, &dir, ui);
    }
    backend.remove(&bottle.id)?;
    match kept {
        Some(record) => Ok(Record {
            phase: Phase::Ended,
            audit_head: head,
            ..record.clone()
        }
        .save(&dir.record())?),
        None => Ok(dir.remove()?),
    }
}

/// A launcher that lives takes its bottle down by itself, at whatever step it is.
fn tell_launcher(state: &StateDir, bottle: &Bottle) -> Result<()> {
    let pid = bottle.record.as_ref().and_then(|record| record.pid);
    let pid = pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
        .ok_or_else(|| {
            Error::user(anyhow!(
                "`{}` has only begun, and its launcher is not known yet",
                bottle.id
            ))
            .hint("try again")
        })?;
    // The lock is held, so the process that wrote its number into the record lives.
    kill_process(pid, Signal::TERM).map_err(|error| {
        Error::user(anyhow!(
            "the launcher of `{}` cannot be told to end: {error}",
            bottle.id
        ))
    })?;
    let lock = state.bottle(&bottle.id).lock();
    let deadline = Instant::now() + LAUNCHER;
    while is_held(&lock)? {
        if Instant::now() >= deadline {
            let error = anyhow!(
                "the launcher of `{}` has not removed it within {LAUNCHER:?}",
                bottle.id
            );
            return Err(Error::engine(error)
                .hint("end the launcher, then `bottle clean` removes what is left"));
        }
        thread::park_timeout(LOOK);
    }
    Ok(())
}
