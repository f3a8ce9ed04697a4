//! Floor 4: what it takes to run a bottle, whatever it is made on.
//!
//! `choose` takes a backend, `prepare` turns a manifest into a request, `session` runs it from the
//! record to the teardown, `attach` hands the terminal over, `inventory` and `clean` find and
//! remove what is left, `verify` attacks a bottle. Backends are seen as `dyn Backend` only.

mod again;
mod ask;
mod attach;
mod choose;
mod clean;
mod decoy;
mod failure;
mod heal;
pub mod homecoming;
mod inventory;
mod logs;
mod prepare;
mod redact;
mod report;
mod session;
mod settings;
mod sidecar_binary;
mod signals;
mod snapshot;
mod status;
mod steps;
mod stop;
mod summary;
mod verify;

#[cfg(test)]
mod stamped_tests;

pub use ask::{ask, unfit};
pub use attach::{Attachment, attach, follow};
pub use choose::{Choice, Named, choose};
pub use clean::{Removal, remove};
pub use heal::heal;
pub use inventory::{Inventory, backend_of, survey};
pub use prepare::{Answers, Parts, prepare};
pub use redact::Redactor;
pub use report::Report;
pub use session::{Mode, Session, terminal};
pub use settings::Settings;
pub use sidecar_binary::{
    Source as SidecarSource, locate as locate_sidecar, provide as provide_sidecar,
};
pub use signals::Signals;
pub use snapshot::{remove_snapshot, snapshot_named, take_snapshot};
pub use status::agent_status;
pub use stop::{Force, discard, stop};
pub use verify::{Attacked, OwnParts, Row, Verdict, Verified, attack, verify_own};
