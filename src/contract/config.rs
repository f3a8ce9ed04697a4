//! What a sidecar is told, once, before it serves anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::dlp::Dlp;
use crate::id::BottleId;
use crate::policy::Policy;
use crate::secret::{Secret, exposed_map};

/// Everything a sidecar needs; comes in over the control channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarConfig {
    /// The bottle that it guards.
    pub id: BottleId,
    /// Where it listens for the agent: addresses of the internal network only.
    pub listen: Vec<SocketAddr>,
    /// What the agent may reach.
    pub policy: Policy,
    /// The credentials by the names that the policy uses.
    #[serde(with = "exposed_map")]
    pub secrets: BTreeMap<String, Secret>,
    /// Certificates (PEM) that are trusted for upstream TLS beside the public roots.
    pub extra_ca: Vec<String>,
    /// What goes into the audit log.
    pub log: LogLevel,
    /// How what leaves is scanned.
    #[serde(default)]
    pub dlp: Dlp,
    /// The audit log's path as the sidecar sees it.
    pub audit_path: String,
}

/// What goes into the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Denials only.
    None,
    /// Every decision.
    #[default]
    Decisions,
    /// Every decision, with headers; values that may be credentials are masked.
    Headers,
}
