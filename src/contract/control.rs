//! The control channel: one JSON value a line, a reply for each request, in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::audit::Head;
use crate::config::SidecarConfig;
use crate::dlp::Scanning;
use crate::live::{Change, LiveChange};
use crate::policy::Policy;
use crate::secret::{Secret, exposed_map};

/// What the CLI asks of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Configures the sidecar; allowed once. Answered by [`Reply::Ready`] when it serves.
    Configure {
        /// All it needs.
        config: Box<SidecarConfig>,
    },
    /// Asks whether it serves: [`Reply::Ready`], or an error before it was configured.
    Ready,
    /// Asks for the CA certificate: [`Reply::Ca`].
    Ca,
    /// Asks for the routes in force: [`Reply::Routes`].
    Routes,
    /// Replaces the routes and their credentials: [`Reply::Routes`]. Requests under way keep their permit.
    Reload {
        /// The new policy.
        policy: Policy,
        /// The new credentials.
        #[serde(with = "exposed_map")]
        secrets: BTreeMap<String, Secret>,
    },
    /// Changes the policy while the bottle runs: [`Reply::Routes`]. Requests under way keep their
    /// permit. What cannot be done is an error, and leaves everything as it is.
    Change {
        /// What to change.
        change: Box<Change>,
        /// For how long; `None` means as long as the bottle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        /// By whom, for the audit log.
        by: String,
    },
    /// Asks for the counters: [`Reply::Stats`].
    Stats,
    /// Asks where the audit log ends: [`Reply::AuditHead`].
    AuditHead,
}

/// What a sidecar answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It serves.
    Ready {
        /// The version of the sidecar.
        version: String,
        /// Where it listens.
        listen: Vec<SocketAddr>,
        /// The bottle's CA certificate (PEM). Its key never leaves the sidecar's memory.
        ca: String,
    },
    /// The CA certificate.
    Ca {
        /// In PEM.
        ca: String,
    },
    /// The routes in force.
    Routes {
        /// The manifest's, without any secret value.
        policy: Policy,
        /// What was changed since, the newest last.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        live: Vec<LiveChange>,
        /// How what leaves is scanned; `None` from an older sidecar.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scanning: Option<Scanning>,
    },
    /// The counters.
    Stats {
        /// See [`Stats`].
        stats: Stats,
    },
    /// The end of the audit log, as the sidecar remembers it.
    AuditHead {
        /// See [`Head`].
        head: Head,
    },
    /// It could not do that.
    Error {
        /// Why, for people.
        message: String,
    },
}

/// What a sidecar has counted since it was configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests that were permitted.
    pub allowed: u64,
    /// Requests that were denied.
    pub denied: u64,
    /// Connections open now.
    pub connections: u64,
    /// Bytes of request bodies that went out.
    pub bytes_out: u64,
    /// Bytes of response bodies that came in.
    pub bytes_in: u64,
}
