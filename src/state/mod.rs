//! What bottle remembers about its bottles, and what it concludes from that.
//!
//! Floor 2. A folder per bottle holds its record, its lock and its logs. The record is written
//! before the first resource is made and removed after the last one; the lock is held for as long
//! as the launcher lives. With what the engines report, `reconcile` tells the state of each
//! bottle after any crash, and it is a pure function.

mod atomic;
mod base;
mod begun;
mod chain;
mod changes;
mod clean;
mod denials;
mod dirs;
mod error;
mod journal;
mod json;
mod lock;
mod observed;
mod owner;
mod reconcile;
#[cfg(test)]
mod reconcile_tests;
mod record;
mod select;
mod snapshots;

pub use atomic::write_atomic;
pub use base::{Base, save_base};
pub use begun::Begun;
pub use chain::{Break, Chain};
pub use changes::{Changes, ChangesWriter, Content, SavedChange, Unread};
pub use clean::{CleanItem, CleanPlan, Scope, plan_clean};
pub use denials::{Budget, Denials, Reach, count_denials};
pub use dirs::{BottleDir, StateDir, Stored};
pub use error::StateError;
pub use journal::{Journal, Line};
pub use lock::{Lock, is_held};
pub use observed::{Observed, ResourceKind};
pub use owner::owner;
pub use reconcile::{Bottle, RecordView, Status, reconcile};
pub use record::{Accepts, Course, EndedBy, FORMAT, Keep, Phase, Record};
pub use select::{SelectError, select};
pub use snapshots::SnapshotRecord;
