//! What a refusal says: to the log in one word, to the agent in a few lines.

use bottle_contract::audit::Protocol;
use bottle_contract::host::Host;
use bottle_contract::intent::{Intent, Scheme};
use bottle_contract::verdict::{Denial, Reason};

/// A request that was refused, after the audit log was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// More about the reason.
    pub detail: Option<String>,
    /// What was asked for, as far as it is known.
    pub subject: String,
    /// The lines to add to the manifest.
    pub remedy: Option<String>,
}

/// What a listener could not make an intent of, as far as it is known.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
    /// More about the reason.
    pub detail: String,
    /// What the agent spoke.
    pub protocol: Option<Protocol>,
    /// How it would have travelled.
    pub scheme: Option<Scheme>,
    /// The method.
    pub method: Option<String>,
    /// The host.
    pub host: Option<Host>,
    /// The port.
    pub port: Option<u16>,
}

impl Refusal {
    /// Refuses an intent.
    pub(super) fn of(intent: &Intent, denial: &Denial, detail: Option<String>) -> Self {
        Self {
            reason: denial.reason,
            detail,
            subject: shown(intent),
            remedy: denial.remedy(intent),
        }
    }

    /// Leaves out what was asked for: it holds what must not be shown.
    pub(super) fn without_subject(self) -> Self {
        Self {
            subject: "a request".to_owned(),
            remedy: None,
            ..self
        }
    }
}

impl Rejected {
    /// Rejects what is not well-formed or not supported.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::Malformed,
            detail: detail.into(),
            protocol: None,
            scheme: None,
            method: None,
            host: None,
            port: None,
        }
    }
}

/// Says what was asked for, as far as it is known.
pub(super) fn subject(method: Option<&str>, host: Option<&str>, port: Option<u16>) -> String {
    let method = method.unwrap_or("a request");
    match (host, port) {
        (Some(host), Some(port)) => format!("{method} {host}:{port}"),
        (Some(host), None) => format!("{method} {host}"),
        (None, _) => method.to_owned(),
    }
}

/// The intent without its query: an answer may end up in a log of the agent's.
fn shown(intent: &Intent) -> String {
    format!(
        "{} {}://{}{}",
        intent.method,
        intent.scheme,
        intent.authority(),
        intent.target.path()
    )
}
