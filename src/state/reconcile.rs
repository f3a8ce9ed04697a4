//! Tells the state of every bottle from records, locks, and what the engines report.
//!
//! Pure: it does no I/O and reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bottle_contract::guest::TIME_IS_OVER;
use bottle_contract::id::{BottleId, Role};
use serde::Serialize;

use super::observed::{Observed, ResourceKind};
use super::record::{EndedBy, Keep, Phase, Record};

/// What the state folder has about one bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The bottle, from the folder's name.
    pub id: BottleId,
    /// Its record; `None` when it is missing or damaged.
    pub record: Option<Record>,
}

/// One bottle, as far as anybody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bottle {
    /// The bottle.
    pub id: BottleId,
    /// Its state.
    pub status: Status,
    /// Whether a living launcher holds its lock.
    pub held: bool,
    /// Whether it has a folder in the state folder.
    pub stored: bool,
    /// Its record, where one can be read.
    pub record: Option<Record>,
    /// Its resources, in the order of removal.
    pub resources: Vec<Observed>,
}

impl Bottle {
    /// Says why it ended, where a status alone does not: of a detached agent nobody writes it down.
    pub fn ended_by(&self) -> Option<EndedBy> {
        let course = &self.record.as_ref()?.course;
        course.timeout?;
        let over = Some(i32::from(TIME_IS_OVER));
        let agent = self
            .resources
            .iter()
            .find(|resource| resource.role == Role::Agent);
        let told = agent.filter(|agent| !agent.running && agent.exit == over);
        course.ended_by.or(told.map(|_| EndedBy::Timeout))
    }
}

/// The state of a bottle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Its launcher lives and makes it.
    Starting,
    /// Its launcher lives and waits for the agent.
    Running,
    /// Its launcher lives and takes it down.
    Ending,
    /// It runs without a launcher, by choice.
    Detached,
    /// It was detached, and runs no longer.
    Stopped,
    /// Its launcher died and left resources.
    Orphaned,
    /// It ended, and what was kept was asked for, or is work that nobody has taken yet.
    Ended,
    /// Only state is left, and nobody asked for it: its launcher died early, or it failed.
    Leftover,
    /// It has resources of ours and no record: its state is lost, or lies in another state folder.
    Unknown,
}

impl Status {
    /// Tells whether its agent runs behind a seal that was checked.
    pub fn runs(self) -> bool {
        match self {
            Self::Running | Self::Detached => true,
            Self::Starting
            | Self::Ending
            | Self::Stopped
            | Self::Orphaned
            | Self::Ended
            | Self::Leftover
            | Self::Unknown => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Detached => "detached",
            Self::Stopped => "stopped",
            Self::Orphaned => "orphaned",
            Self::Ended => "ended",
            Self::Leftover => "leftover",
            Self::Unknown => "unknown",
        })
    }
}

/// Tells the state of every bottle of this owner, in the order of their ids.
///
/// Every observed resource of the owner is in exactly one of the bottles. Resources of others are
/// in none. `stored` has one entry for every folder in the state folder.
pub fn reconcile(
    owner: &str,
    stored: &[RecordView],
    observed: &[Observed],
    locks: &BTreeSet<BottleId>,
) -> Vec<Bottle> {
    let stored: BTreeMap<&BottleId, Option<&Record>> = stored
        .iter()
        .map(|view| (&view.id, view.record.as_ref()))
        .collect();
    let mut resources: BTreeMap<&BottleId, Vec<Observed>> = BTreeMap::new();
    for resource in observed.iter().filter(|resource| resource.owner == owner) {
        resources
            .entry(&resource.id)
            .or_default()
            .push(resource.clone());
    }
    let ids: BTreeSet<&BottleId> = stored
        .keys()
        .copied()
        .chain(resources.keys().copied())
        .chain(locks)
        .collect();
    ids.into_iter()
        .map(|id| {
            let mut resources = resources.remove(id).unwrap_or_default();
            resources.sort_by(|a, b| order(a).cmp(&order(b)));
            let record = stored.get(id).copied().flatten().cloned();
            let mut bottle = Bottle {
                id: id.clone(),
                status: Status::Unknown,
                held: locks.contains(id),
                stored: stored.contains_key(id),
                record,
                resources,
            };
            bottle.status = status(&bottle);
            bottle
        })
        .collect()
}

/// Containers go before networks, and the agent before what guards it.
fn order(resource: &Observed) -> (ResourceKind, Role, &str, &str) {
    (
        resource.kind,
        resource.role,
        &resource.backend,
        &resource.name,
    )
}

fn status(bottle: &Bottle) -> Status {
    let phase = bottle.record.as_ref().map(|record| record.phase);
    if bottle.held {
        return while_held(phase);
    }
    let presence = Presence::of(&bottle.resources);
    if !bottle.stored {
        return Status::Unknown;
    }
    let keep = bottle.record.as_ref().and_then(|record| record.keep);
    let asked = matches!(keep, Some(Keep::Asked | Keep::Changes));
    match (presence, phase) {
        (Presence::Runs, Some(Phase::Detached | Phase::Unknown)) => Status::Detached,
        (Presence::Stands, Some(Phase::Detached | Phase::Unknown))
        // Its launcher died: what runs of it only idles.
        | (Presence::Runs | Presence::Stands, Some(Phase::Restarting)) => Status::Stopped,
        (Presence::Runs | Presence::Stands, _) => Status::Orphaned,
        (Presence::Nothing, Some(
            Phase::Ended | Phase::Failed | Phase::Detached | Phase::Restarting,
        )) if asked => {
            Status::Ended
        }
        // A newer version may keep its state for a reason that this one does not know.
        (Presence::Nothing, Some(Phase::Unknown)) => Status::Ended,
        (Presence::Nothing, _) => Status::Leftover,
    }
}

fn while_held(phase: Option<Phase>) -> Status {
    match phase {
        None | Some(Phase::Creating | Phase::Restarting) => Status::Starting,
        Some(Phase::Running | Phase::Unknown) => Status::Running,
        Some(Phase::Detached) => Status::Detached,
        Some(Phase::Ended | Phase::Failed) => Status::Ending,
    }
}

/// What there is of a bottle in the engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Nothing,
    Stands,
    Runs,
}

impl Presence {
    /// The agent decides: its sidecar goes on when it has ended.
    fn of(resources: &[Observed]) -> Self {
        if resources.is_empty() {
            Self::Nothing
        } else if resources
            .iter()
            .any(|resource| resource.role == Role::Agent && resource.running)
        {
            Self::Runs
        } else {
            Self::Stands
        }
    }
}
