//! The end of a bottle, asked for from another terminal.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rustix::process::{Pid, Signal, kill_process};

use super::ask::audit_head;
use super::homecoming::{self, Haste, Sum};
use super::inventory::backend_of;
use super::logs;
use crate::backends::{Backend, Ground, Registry};
use crate::error::{Error, Result};
use crate::state::{Bottle, BottleDir, Keep, Lock, Phase, Record, StateDir, is_held};
use crate::ui::Ui;

/// How long a launcher may take to remove its bottle, once it was told to.
const LAUNCHER: Duration = Duration::from_mins(1);
/// How often its lock is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Ends a bottle and removes what was made for it; what the agent changed in a copy of the workspace is
/// saved before.
///
/// One that `--keep` asked for stays, stopped, with all its files: it can be started again. Of a
/// bottle that has ended already the rest goes too: its logs and its record.
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
        require_taken(bottle)?;
        return Ok(dir.remove()?);
    }
    let backend = backend_of(registry, bottle)?;
    if !bottle.stored {
        return Ok(backend.remove(&bottle.id)?);
    }
    let changes = bring_home(backend, bottle, &dir, ui)?;
    let record = bottle.record.clone().map(|record| Record {
        keep: record.keep.or(changes.map(|_| Keep::Changes)),
        ..record
    });
    let kept = record
        .as_ref()
        .filter(|record| matches!(record.keep, Some(Keep::Asked | Keep::Changes)));
    let Some(record) = kept else {
        backend.stop(&bottle.id)?;
        backend.remove(&bottle.id)?;
        return Ok(dir.remove()?);
    };
    let head = audit_head(backend, &bottle.id);
    backend.stop(&bottle.id)?;
    logs::save(backend, &bottle.id, &dir, ui);
    let phase = match (record.keep, backend.ground()) {
        (Some(Keep::Asked), Ground::Image) => Phase::Detached,
        // What has no image has no files that outlive it: there is nothing to start again.
        (keep, Ground::Image | Ground::Host) => {
            backend.remove(&bottle.id)?;
            if keep == Some(Keep::Asked) {
                ui.note(format!(
                    "what the agent of `{0}` wrote outside of its workspace lay in memory and is gone; its logs and its audit stay until `bottle rm {0}`",
                    bottle.id
                ));
            }
            Phase::Ended
        }
    };
    if let Some(changes) = changes {
        ui.note(homecoming::offer(changes, &bottle.id));
    }
    Ok(Record {
        phase,
        // A sidecar that does not run any more tells nothing new.
        audit_head: head.or_else(|| record.audit_head.clone()),
        ..record.clone()
    }
    .save(&dir.record())?)
}

/// Removes a bottle with all its files, logs and audit. One that runs needs force.
pub fn discard(registry: &Registry, state: &StateDir, bottle: &Bottle, force: Force) -> Result<()> {
    let runs = bottle.held || bottle.status.runs();
    if runs && force == Force::No {
        let error = anyhow!("the bottle `{}` is {}", bottle.id, bottle.status);
        let hint = format!(
            "`bottle stop {0}` ends it, `bottle rm --force {0}` ends and removes it",
            bottle.id
        );
        return Err(Error::user(error).hint(hint));
    }
    let dir = state.bottle(&bottle.id);
    if bottle.held {
        tell_launcher(state, bottle)?;
    }
    if bottle.stored && !dir.path().exists() {
        return Ok(());
    }
    let _lock = bottle
        .stored
        .then(|| Lock::acquire(&dir.lock()))
        .transpose()?;
    if !bottle.resources.is_empty() {
        backend_of(registry, bottle)?.remove(&bottle.id)?;
    }
    Ok(dir.remove()?)
}

/// Whether to remove a bottle that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It stays.
    No,
    /// It is ended first.
    Yes,
}

/// Saves what the agent changed in its copy of the workspace, also where it has ended by itself.
fn bring_home(
    backend: &dyn Backend,
    bottle: &Bottle,
    dir: &BottleDir,
    ui: &Ui,
) -> Result<Option<Sum>> {
    let save = || homecoming::save((backend, None), &bottle.id, dir, Haste::Unhurried, ui);
    if homecoming::agent_runs(bottle) {
        return Ok(save());
    }
    if !homecoming::is_asleep(dir, bottle)? {
        return Ok(None);
    }
    match homecoming::awake(backend, bottle, dir, || Ok(save())) {
        Ok(Some(changes)) => Ok(changes),
        Ok(None) => {
            ui.warn(homecoming::too_late(&bottle.id));
            Ok(None)
        }
        Err(error) => {
            let id = &bottle.id;
            let hint = format!("`bottle rm {id}` removes the bottle all the same");
            Err(error.hint(hint))
        }
    }
}

/// A second stop must not take away what the first one saved.
fn require_taken(bottle: &Bottle) -> Result<()> {
    let keep = bottle.record.as_ref().and_then(|record| record.keep);
    if keep != Some(Keep::Changes) {
        return Ok(());
    }
    let error = anyhow!(
        "`{}` has ended, and what its agent changed is not taken yet",
        bottle.id
    );
    Err(Error::user(error).hint(format!(
        "`bottle pull {0}` takes it, `bottle rm {0}` removes it",
        bottle.id
    )))
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
