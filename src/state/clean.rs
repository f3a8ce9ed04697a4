//! Decides what `bottle clean` removes. Pure, like the reconciliation that it follows.

use bottle_contract::id::BottleId;
use serde::Serialize;

use super::observed::Observed;
use super::reconcile::{Bottle, Status};

/// How much is to go. What a living launcher holds never goes: `bottle stop` ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What nobody asked to keep: the resources of launchers that died, and the state of what failed.
    Leftovers,
    /// Everything of ours: also what was kept or detached, what has no record, and the images.
    All,
}

/// What is to be removed, bottle by bottle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CleanPlan {
    /// The bottles, in the order of their ids.
    pub bottles: Vec<CleanItem>,
}

/// What is to be removed of one bottle, in this order: resources, then its folder.
///
/// The folder goes only when every resource has gone, so that nothing is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CleanItem {
    /// The bottle.
    pub id: BottleId,
    /// Why it goes.
    pub status: Status,
    /// Its resources: containers, then networks, then images.
    pub resources: Vec<Observed>,
    /// Whether its folder in the state folder goes.
    pub state: bool,
}

impl CleanPlan {
    /// Tells whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.bottles.is_empty()
    }
}

/// Lists exactly what is to be removed.
///
/// Whoever carries this out takes the bottle's lock first, so that no launcher can have come to life.
pub fn plan_clean(bottles: &[Bottle], scope: Scope) -> CleanPlan {
    let bottles = bottles
        .iter()
        .filter(|bottle| !bottle.held && goes(bottle.status, scope) && !is_elsewhere(bottle))
        .map(|bottle| CleanItem {
            id: bottle.id.clone(),
            status: bottle.status,
            resources: bottle.resources.clone(),
            state: bottle.stored,
        })
        .collect();
    CleanPlan { bottles }
}

/// Another state folder of the same user may know a bottle that is unknown here. While it runs it stays.
fn is_elsewhere(bottle: &Bottle) -> bool {
    bottle.status == Status::Unknown && bottle.resources.iter().any(|resource| resource.running)
}

fn goes(status: Status, scope: Scope) -> bool {
    match status {
        Status::Orphaned | Status::Leftover => true,
        Status::Detached | Status::Stopped | Status::Ended | Status::Unknown => scope == Scope::All,
        Status::Starting | Status::Running | Status::Ending => false,
    }
}
