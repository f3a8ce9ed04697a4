//! The changes of a bottle, wherever they are: asked for in one that runs, saved of one that has ended.

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;

use super::fetch::{Contents, Origin, fetch, no_base};
use super::review::Review;
use super::save::Haste;
use super::selection::Selection;
use super::wake::{agent_runs, awake, is_asleep, too_late};
use crate::backends::Registry;
use crate::error::{Error, Result};
use crate::launch::inventory::backend_of;
use crate::state::{Base, Bottle, BottleDir, Changes, Keep, Lock, Record, StateDir};

/// The changes of a bottle.
#[derive(Debug)]
pub struct Opened {
    /// What changed; `None` when nothing did.
    pub review: Option<Review>,
    /// Where what a running bottle has was brought to.
    folder: Option<TempDir>,
    dir: BottleDir,
}

/// Opens the changes of a bottle; contents are brought out of a running one only as far as selected.
pub fn open(
    registry: &Registry,
    state: &StateDir,
    bottle: &Bottle,
    (selection, contents): (&Selection, Contents),
) -> Result<Opened> {
    let dir = state.bottle(&bottle.id);
    let head = Base::head(&dir)?.ok_or_else(|| no_base(&bottle.id))?;
    let (folder, changes) = if agent_runs(bottle) || is_asleep(&dir, bottle)? {
        let folder = tempfile::Builder::new()
            .prefix("changes-")
            .tempdir_in(dir.path());
        let folder = folder
            .context("could not make a folder for what comes out")
            .map_err(Error::user)?;
        let backend = backend_of(registry, bottle)?;
        let origin = Origin {
            backend,
            id: &bottle.id,
            dir: &dir,
            deadline: Haste::Unhurried.deadline(),
            signals: None,
        };
        let into = folder.path().join("changes");
        let ask = || fetch((origin, None), &head.workdir, (selection, contents), &into);
        if agent_runs(bottle) {
            ask()?;
        } else {
            let _lock = Lock::acquire(&dir.lock())?;
            let asked = awake(backend, bottle, &dir, ask)?;
            asked.ok_or_else(|| Error::user(anyhow!(too_late(&bottle.id))))?;
        }
        let changes = Changes::open(&into)?;
        (Some(folder), changes)
    } else {
        (None, saved(&dir, bottle)?)
    };
    let base = match &changes {
        Some(_) => Base::load(&dir)?,
        None => None,
    };
    let review = base
        .zip(changes)
        .map(|(base, changes)| Review::new(base, changes))
        .transpose()?;
    Ok(Opened {
        review,
        folder,
        dir,
    })
}

/// Opens what was saved when a bottle was stopped, or ended.
fn saved(dir: &BottleDir, bottle: &Bottle) -> Result<Option<Changes>> {
    let folder = dir.changes();
    if Changes::is_half(&folder) {
        return Err(Error::user(anyhow!(
            "what changed in `{}` could not be saved when it ended",
            bottle.id
        )));
    }
    Ok(Changes::open(&folder)?)
}

impl Opened {
    /// Tells whether the changes were saved when the bottle ended or was stopped.
    pub fn is_saved(&self) -> bool {
        self.folder.is_none()
    }

    /// Forgets changes that were saved and have all been taken; nothing is forgotten of a running bottle,
    /// nor of one that was kept on request.
    pub fn settle(&self) -> Result<()> {
        if self.folder.is_some() {
            return Ok(());
        }
        let lock = Lock::acquire(&self.dir.lock())?;
        let Some(mut record) = Record::load(&self.dir.record())? else {
            return Ok(());
        };
        if record.keep != Some(Keep::Changes) {
            return Ok(());
        }
        if record.exit == Some(0) {
            self.dir.remove()?;
        } else {
            // Its logs tell what went wrong, so they stay as they do when nothing changed.
            record.keep = Some(Keep::Failed);
            record.save(&self.dir.record())?;
        }
        drop(lock);
        Ok(())
    }
}
