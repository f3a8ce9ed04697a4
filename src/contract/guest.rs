//! What the guest — our static binary beside the agent — is told, and where things lie in the agent's image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::{Secret, exposed_map, exposed_option};

/// Where the guest's binary lies in the agent's image.
pub const GUEST: &str = "/.bottle/guest";
/// The public roots (PEM), put into the image beside the guest.
pub const PUBLIC_ROOTS: &str = "/.bottle/roots.pem";
/// The folder for what belongs to one bottle only.
pub const RUN_DIR: &str = "/.bottle/run";
/// The public roots and the bottle's CA (PEM): what the CA variables point at.
pub const CA_BUNDLE: &str = "/.bottle/run/ca-bundle.pem";
/// The bottle's CA alone (PEM).
pub const CA_CERT: &str = "/.bottle/run/ca.pem";
/// The agent's environment, as JSON, read by `guest exec`.
pub const ENVIRONMENT: &str = "/.bottle/run/environment.json";
/// The prompt, where there is one.
pub const PROMPT: &str = "/.bottle/run/prompt.md";
/// A trap: a file that looks like credentials, and whose value nothing has a use for.
pub const CANARY: &str = "/.bottle/run/credentials";
/// How the guest says on standard error with which status the agent's command ended, where that is not 0.
/// It is the last line of the agent's log, for an engine that tells no status.
pub const ENDED_WITH: &str = "the agent's command ended with status ";
/// The status of a command whose time was over, as `timeout(1)` has it.
pub const TIME_IS_OVER: u8 = 124;
/// The agent's home folder where the image has none for its user.
pub const HOME: &str = "/home/agent";

/// What `guest provision` reads on standard input, as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// The bottle's CA certificate (PEM).
    pub ca: String,
    /// The agent's environment.
    #[serde(with = "exposed_map")]
    pub env: BTreeMap<String, Secret>,
    /// The prompt.
    #[serde(default)]
    pub prompt: Option<String>,
    /// The value to plant as a trap.
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub canary: Option<Secret>,
    /// Where the agent's command starts.
    pub workdir: String,
    /// The agent's command, for a start without a terminal.
    pub command: Vec<String>,
    /// The most processes of the agent's user, for an engine that has no bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// How many seconds the agent's command may take; then the guest's `init` ends everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// What `guest provision` answers on standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {
    /// The files of the system's trust store that now hold the bottle's CA.
    pub trust_store: Vec<String>,
    /// Why the system's trust store was left alone, when it was.
    #[serde(default)]
    pub skipped: Option<String>,
    /// Why IPv6 stays on, when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<String>,
}

/// The agent's environment and starting folder, as they lie in [`ENVIRONMENT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The variables, on top of what the image sets.
    #[serde(with = "exposed_map")]
    pub env: BTreeMap<String, Secret>,
    /// Where the command starts.
    pub workdir: String,
    /// The agent's command: what `guest go` tells the idle init to run.
    #[serde(default)]
    pub command: Vec<String>,
    /// The most processes of the agent's user. The kernel binds every user by it but root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// How many seconds the agent's command may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}
