//! Removes bottles: their resources first, their records last.

use std::collections::BTreeSet;

use bottle_contract::id::BottleId;

use crate::backends::Registry;
use crate::error::{Error, Result};
use crate::state::{CleanItem, CleanPlan, Lock, StateDir};

/// What came of removing one bottle.
#[derive(Debug)]
pub struct Removal {
    /// The bottle.
    pub id: BottleId,
    /// Why it could not be removed whole, where it could not.
    pub error: Option<Error>,
}

/// Removes what a plan lists. One that fails does not keep the others.
pub fn remove(registry: &Registry, state: &StateDir, plan: &CleanPlan) -> Vec<Removal> {
    plan.bottles
        .iter()
        .map(|item| Removal {
            id: item.id.clone(),
            error: remove_item(registry, state, item).err(),
        })
        .collect()
}

/// Holds the lock meanwhile, so that two who clean do not get in each other's way.
fn remove_item(registry: &Registry, state: &StateDir, item: &CleanItem) -> Result<()> {
    let dir = state.bottle(&item.id);
    if item.state && !dir.path().exists() {
        // Somebody else removed it meanwhile.
        return Ok(());
    }
    let _lock = item.state.then(|| Lock::acquire(&dir.lock())).transpose()?;
    let backends: BTreeSet<&str> = item
        .resources
        .iter()
        .map(|resource| resource.backend.as_str())
        .collect();
    for backend in backends {
        registry
            .named(backend)
            .map_err(Error::internal)?
            .remove(&item.id)?;
    }
    if item.state {
        dir.remove()?;
    }
    Ok(())
}
