//! A resource as an engine reports it: what backends return and `reconcile` reads.

use std::fmt;

use bottle_contract::id::{BottleId, Role};
use serde::Serialize;

/// A resource with our labels, as an engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// The bottle, from its label.
    pub id: BottleId,
    /// What it is to the bottle, from its label.
    pub role: Role,
    /// What it is to the engine.
    pub kind: ResourceKind,
    /// The engine's name or id for it, by which it is removed.
    pub name: String,
    /// Whether it runs; `false` for what cannot.
    pub running: bool,
    /// The status of its first process, when that has ended.
    pub exit: Option<i32>,
    /// The backend that reports it.
    pub backend: String,
    /// Whose it is, from its label.
    pub owner: String,
    /// When it was made, in the engine's words.
    pub created: Option<String>,
}

/// What a resource is to its engine. The order is that of removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceKind {
    /// A container.
    Container,
    /// A network; no engine removes one that a container uses.
    Network,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Container => "container",
            Self::Network => "network",
        })
    }
}
