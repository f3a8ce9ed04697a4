//! Manifests: what an agent runs, and what a bottle lets it do.
//!
//! [`load_agent`] reads an `agent.toml` and the bottles that it names;
//! [`Loaded::resolve`] folds them into one [`Resolved`], which is all that the
//! floors above look at. [`lint()`] finds what is allowed but hardly meant;
//! [`grants`] and [`decide`] say what the user has to trust first. Files are
//! read here, nothing else: no program is run, no variable is read, nothing is
//! printed.

mod bottles;
mod decode;
mod digest;
mod error;
mod later;
mod layer;
mod lint;
mod load;
mod place;
mod resolve;
mod rules;
mod schema;
mod starter;
mod tables;
mod text_file;
mod trust;
mod trust_store;
mod value;

#[cfg(test)]
mod tests;

pub use bottles::{BottleEntry, Folders, Origin};
pub use error::ManifestError;
pub use layer::ImageSource;
pub use lint::{Warning, lint};
pub use load::{Loaded, load_agent};
pub use place::Place;
pub use resolve::{
    Canary, Dlp, Egress, Need, Overrides, PromptDelivery, Resolved, ResolvedRoute, Resources, Slot,
    Workspace, WorkspaceMode,
};
pub use schema::{HostAccess, Kind, json_schema};
pub use starter::starter;
pub use trust::{Decision, Grant, Standing, Terminal, TrustFlag, decide, grants};
pub use trust_store::{TrustError, TrustStore};
pub use value::{EnvName, EnvSource, SecretSource, UserSpec};
