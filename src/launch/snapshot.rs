//! A bottle's files, kept as an image of a name, to make other bottles from.

use std::collections::BTreeMap;

use anyhow::anyhow;
use bottle_contract::id::{Name, Role};
use bottle_contract::labels;
use jiff::{Timestamp, Unit};

use super::inventory::backend_of;
use super::signals::Signals;
use super::steps::Steps;
use crate::backends::{Registry, Snapshot};
use crate::error::{Error, Result};
use crate::state::{Bottle, SnapshotRecord, StateDir, owner};
use crate::ui::Ui;

/// Takes a snapshot of a bottle whose containers stand. A name is used once.
pub fn take_snapshot(
    registry: &Registry,
    state: &StateDir,
    bottle: &Bottle,
    name: &Name,
    signals: &Signals,
    ui: &Ui,
) -> Result<SnapshotRecord> {
    if snapshot_named(state, name).is_ok() {
        let error = anyhow!("there is a snapshot `{name}` already");
        let hint = format!("choose another name, or `bottle rm --snapshot {name}`");
        return Err(Error::user(error).hint(hint));
    }
    if bottle.resources.is_empty() {
        let error = anyhow!("the bottle `{}` has no files any more", bottle.id);
        return Err(Error::user(error).hint("a snapshot is taken of one that runs or is stopped"));
    }
    let backend = backend_of(registry, bottle)?;
    let owner = owner();
    let snapshot = Snapshot {
        // Users of one engine do not take each other's names.
        image: format!("localhost/bottle/snapshot:{owner}.{name}"),
        labels: BTreeMap::from([
            (labels::ROLE, Role::Image.to_string()),
            (labels::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
            (labels::OWNER, owner),
            (labels::SNAPSHOT, name.to_string()),
        ]),
    };
    let now = Timestamp::now();
    let record = SnapshotRecord {
        name: name.clone(),
        backend: backend.name().to_owned(),
        image: snapshot.image.clone(),
        bottle: bottle.id.clone(),
        created: now.round(Unit::Second).unwrap_or(now).to_string(),
    };
    // Before the image is there: one that nobody knows of could not be removed.
    state.save_snapshot(&record)?;
    let dir = state.bottle(&bottle.id);
    let steps = Steps::new(ui, signals, &dir);
    if let Err(error) = backend.snapshot(&bottle.id, &snapshot, &steps) {
        state.remove_snapshot(name)?;
        return Err(error.into());
    }
    steps.finish();
    Ok(record)
}

/// Finds a snapshot by its name.
pub fn snapshot_named(state: &StateDir, name: &Name) -> Result<SnapshotRecord> {
    let found = state.snapshots()?.into_iter();
    found
        .into_iter()
        .find(|record| record.name == *name)
        .ok_or_else(|| {
            Error::user(anyhow!("there is no snapshot `{name}`"))
                .hint("`bottle ls --snapshots` lists those there are")
        })
}

/// Removes a snapshot with its image. Bottles that were made from it go on.
pub fn remove_snapshot(
    registry: &Registry,
    state: &StateDir,
    record: &SnapshotRecord,
) -> Result<()> {
    let backend = registry.named(&record.backend).map_err(Error::user)?;
    backend.remove_image(&record.image)?;
    Ok(state.remove_snapshot(&record.name)?)
}
