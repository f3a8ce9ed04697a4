//! How an agent's work comes home: what changed in its copy of the workspace, and what of it is taken.
//!
//! Whatever comes out of a bottle is an attacker's, names and the guest's answers too. `fetch` asks
//! for it and keeps it under names of ours, `review` says what it is, `land` writes it without
//! following a link, and only `pull` and `branch` decide what is written where.

mod branch;
mod destination;
mod fetch;
mod guard;
mod land;
mod limits;
mod open;
mod pull;
mod review;
mod risk;
mod save;
mod selection;
#[cfg(test)]
mod stage;
mod sum;
mod text;
mod wake;

pub use branch::{Branch, Branched, branch};
pub use destination::Destination;
pub use fetch::{Contents, Origin, fetch};
pub use guard::{guards, prepare_guards};
pub use open::{Opened, open};
pub use pull::{Consent, Landing, Outcome, Overwrite, Rehearsal, pull};
pub use review::{Item, Review, What};
pub use risk::risk_of;
pub use save::{Haste, offer, save};
pub use selection::Selection;
pub use sum::Sum;
pub use text::{Shown, show};
pub use wake::{agent_runs, awake, is_asleep, too_late};
