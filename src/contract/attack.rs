//! `guest attack`: what it is told to try from inside a bottle, and what it saw.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::probe::TargetKind;

/// The variable of the agent's environment that holds [`OwnBottle::marker`].
pub const MARKER: &str = "BOTTLE_VERIFY_MARKER";

/// What `guest attack` reads on standard input, as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackRequest {
    /// What attempts send, so that the witness outside can tell them from chance traffic. The
    /// attempt's id follows, after a `/`.
    pub token: String,
    /// The port on which the witness listens on every address of the host, by TCP and UDP.
    pub witness_port: u16,
    /// What is around the bottle, as seen from outside.
    pub targets: Vec<Target>,
    /// How long one attempt waits for an answer, in milliseconds.
    pub timeout_millis: u64,
    /// What only a bottle has that was made to be attacked. `None` for one in which an agent works:
    /// the attempts that would disturb it are then left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnBottle>,
}

/// An address and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// The address.
    pub address: IpAddr,
}

/// What a bottle has that was made to be attacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnBottle {
    /// The host that a route leads to the witness by, on its port.
    pub host: String,
    /// The beginning of the credential that only the sidecar has: enough to know it by.
    pub secret_head: String,
    /// A text that the agent's environment does hold, under [`MARKER`].
    pub marker: String,
    /// How many processes the agent may have.
    pub processes: u32,
}

impl OwnBottle {
    /// Returns where the route leads.
    pub fn authority(&self, port: u16) -> String {
        format!("{}:{port}", self.host)
    }
}

/// What `guest attack` answers on standard output, as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackReport {
    /// The sidecar's port, as the agent's variables name it.
    pub sidecar: Option<SocketAddr>,
    /// One for each attempt.
    pub tried: Vec<Tried>,
}

/// One attempt and what came of it, as seen from inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Which: see [`crate::attempts`].
    pub id: String,
    /// What came of it.
    pub finding: Finding,
    /// What was seen.
    pub evidence: String,
    /// Whether the same means work where they should.
    pub control: Control,
    /// What the control saw.
    pub control_evidence: String,
}

/// What came of an attempt, as seen from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It was stopped.
    Stopped,
    /// It got through.
    Through,
    /// It could not be told.
    Unclear,
}

/// Whether the means of an attempt work where they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// They do.
    Worked,
    /// They do not, so that the attempt proves nothing.
    Failed,
}
