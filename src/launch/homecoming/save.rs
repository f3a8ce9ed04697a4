//! What an agent changed is saved before its bottle is removed.

use std::time::{Duration, Instant};

use bottle_contract::id::BottleId;

use super::fetch::{Contents, Origin, fetch};
use super::limits::{HASTY, NAMES, PATIENT};
use super::review::Review;
use super::selection::Selection;
use super::sum::Sum;
use crate::backends::Backend;
use crate::error::Result;
use crate::launch::signals::Signals;
use crate::process::Talk;
use crate::state::{Base, BottleDir, Changes, ChangesWriter};
use crate::ui::Ui;

/// Whether somebody waits for a bottle's end.
#[derive(Clone, Copy, Debug)]
pub enum Haste<'a> {
    /// The agent ended by itself; a signal ends the wait.
    Patient(&'a Signals),
    /// The user or the system asked for the end.
    Hasty,
    /// The user waits for nothing else.
    Unhurried,
}

impl Haste<'_> {
    /// Returns until when an answer is waited for.
    pub(super) fn deadline(self) -> Instant {
        let time: Duration = match self {
            Self::Patient(_) | Self::Unhurried => PATIENT,
            Self::Hasty => HASTY,
        };
        Instant::now() + time
    }
}

/// Saves what the agent changed, and returns it in one line. `None` when nothing is saved.
///
/// The guest that unpacked the workspace is asked where it still listens. A failure is said and does not hold up the removal: a bottle never stays because of it.
pub fn save(
    (backend, guest): (&dyn Backend, Option<Talk>),
    id: &BottleId,
    dir: &BottleDir,
    haste: Haste<'_>,
    ui: &Ui,
) -> Option<Sum> {
    let origin = Origin {
        backend,
        id,
        dir,
        deadline: haste.deadline(),
        signals: match haste {
            Haste::Patient(signals) => Some(signals),
            Haste::Hasty | Haste::Unhurried => None,
        },
    };
    match saved(origin, guest) {
        Ok(review) => {
            let review = review?;
            say_left(&review, ui);
            Some(Sum::of(&review.items))
        }
        Err(error) => {
            // A folder without a list says later that it was not saved, where the bottle's folder stays.
            ChangesWriter::begin(&dir.changes()).ok();
            ui.error(
                &error.context("what the agent changed in its copy of the workspace is not saved"),
            );
            None
        }
    }
}

/// Says what changed, and how to see and to take it.
pub fn offer(changes: Sum, id: &BottleId) -> String {
    format!("{changes}: bottle diff {id}, bottle pull {id}")
}

fn saved(origin: Origin<'_>, guest: Option<Talk>) -> Result<Option<Review>> {
    let Some(head) = Base::head(origin.dir)? else {
        return Ok(None);
    };
    let whole = (&Selection::default(), Contents::Taken);
    let folder = origin.dir.changes();
    if fetch((origin, guest), &head.workdir, whole, &folder)?.is_none() {
        // What an earlier stop saved is undone since.
        Changes::forget(&folder)?;
        return Ok(None);
    }
    let (Some(base), Some(changes)) = (Base::load(origin.dir)?, Changes::open(&folder)?) else {
        return Ok(None);
    };
    let review = Review::new(base, changes)?;
    Ok((!review.items.is_empty() || !review.unread.is_empty()).then_some(review))
}

/// What is not saved goes with the bottle, so it is named.
fn say_left(review: &Review, ui: &Ui) {
    let items = review
        .items
        .iter()
        .filter_map(|item| Some((item.path.to_string(), item.missing.as_ref()?)));
    let unread = review
        .unread
        .iter()
        .map(|unread| (unread.path.clone(), &unread.why));
    let left: Vec<(String, &String)> = items.chain(unread).collect();
    for (path, why) in left.iter().take(NAMES) {
        ui.warn(format!("`{path}` is not saved: {why}"));
    }
    if let Some(more) = left.len().checked_sub(NAMES).filter(|more| *more > 0) {
        ui.warn(format!("{more} more are not saved"));
    }
    if !left.is_empty() {
        ui.note("what is too large is taken while a bottle runs: `bottle run --detach`, then `bottle cp`");
    }
}
