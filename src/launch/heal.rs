//! What dead launchers left is removed before a new bottle is made, so that nothing piles up.
//!
//! A launcher writes its record before it makes anything, so the state folder alone tells whether
//! there is something to do: without a dead launcher no engine is asked.

use std::time::{Duration, Instant};

use super::homecoming::{self, Haste};
use super::logs;
use crate::backends::Backend;
use crate::error::Result;
use crate::state::{BottleDir, Keep, Lock, Phase, Record, StateDir};
use crate::ui::Ui;

/// How many bottles are removed before one launch: on docker each takes about a second.
const BOTTLES: usize = 4;
/// After this long no further one is begun.
const TIME: Duration = Duration::from_secs(20);

/// Removes what dead launchers of this user left on this backend. What cannot be removed is said, and
/// is in nobody's way.
///
/// Logs and audit of an agent that ran stay, as they do when bottle itself fails: nobody has read them.
pub fn heal(backend: &dyn Backend, state: &StateDir, owner: &str, ui: &Ui) {
    let begin = Instant::now();
    let dead = match dead(backend, state, owner) {
        Ok(dead) => dead,
        Err(error) => {
            ui.warn(format!("leftovers could not be looked for: {error}"));
            return;
        }
    };
    let mut left = dead.len().saturating_sub(BOTTLES);
    for dir in dead.iter().take(BOTTLES) {
        if begin.elapsed() >= TIME {
            left += 1;
            continue;
        }
        match remove(backend, dir, ui) {
            Ok(Some(id)) => ui.note(format!("removed what a killed launcher left of `{id}`")),
            Ok(None) => {}
            Err(error) => ui.warn(format!(
                "what a killed launcher left could not be removed: {error}; try `bottle clean`"
            )),
        }
    }
    if left > 0 {
        ui.note(format!(
            "{left} more are left of killed launchers: `bottle clean` removes them"
        ));
    }
}

/// Lists the folders of launchers that died: they are in the middle of something, and nobody holds the lock.
fn dead(backend: &dyn Backend, state: &StateDir, owner: &str) -> Result<Vec<BottleDir>> {
    let stored = state.read()?;
    let died = |record: &Record| {
        matches!(record.phase, Phase::Creating | Phase::Running)
            && record.backend == backend.name()
            && record.owner == owner
    };
    Ok(stored
        .records
        .iter()
        .filter(|view| !stored.locks.contains(&view.id))
        .map(|view| (state.bottle(&view.id), view.record.as_ref()))
        // One that has no record died before it made anything; a damaged one is for a person to look at.
        .filter(|(dir, record)| record.map_or_else(|| !dir.record().exists(), died))
        .map(|(dir, _)| dir)
        .collect())
}

/// Removes one, unless somebody else is at it; returns its id.
fn remove(backend: &dyn Backend, dir: &BottleDir, ui: &Ui) -> Result<Option<String>> {
    if !dir.path().exists() {
        return Ok(None);
    }
    let Ok(_lock) = Lock::acquire(&dir.lock()) else {
        return Ok(None);
    };
    // Only what it says now counts: another launcher may have healed it meanwhile.
    let Some(mut record) = Record::load(&dir.record())? else {
        dir.remove()?;
        return Ok(None);
    };
    let ran = match record.phase {
        Phase::Creating => false,
        Phase::Running => true,
        Phase::Restarting | Phase::Detached | Phase::Ended | Phase::Failed | Phase::Unknown => {
            return Ok(None);
        }
    };
    if ran {
        if homecoming::save((backend, None), &record.id, dir, Haste::Hasty, ui).is_some() {
            record.keep = record.keep.or(Some(Keep::Changes));
        }
        logs::save(backend, &record.id, dir, ui);
    }
    backend.remove(&record.id)?;
    if ran || record.keep.is_some() {
        record.keep = record.keep.or(Some(Keep::Failed));
        record.phase = Phase::Failed;
        record.save(&dir.record())?;
    } else {
        dir.remove()?;
    }
    Ok(Some(record.id.to_string()))
}
