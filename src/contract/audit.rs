//! The lines of the audit log: JSON, one value a line.
//!
//! A tolerant wire: readers skip unknown keys and unknown events.

use serde::{Deserialize, Serialize};

use crate::intent::Scheme;
use crate::verdict::Reason;

/// One line of `audit.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, in UTC (RFC 3339, milliseconds).
    pub time: String,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum AuditEvent {
    /// The sidecar was configured and serves from now on.
    Opened {
        /// The version of the sidecar.
        version: String,
        /// The number of routes.
        routes: usize,
    },
    /// The routes were replaced.
    Reloaded {
        /// The number of routes.
        routes: usize,
    },
    /// A request was decided about; written before its first byte goes on.
    Decision(Decision),
    /// A permitted request ended.
    Finished(Finished),
    /// Written by a newer sidecar.
    #[serde(other)]
    Unknown,
}

/// What was decided about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The number of the request, from 1, unique within the bottle.
    pub id: u64,
    /// `allow` or `deny`.
    pub verdict: Outcome,
    /// Why it was denied, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// More about the reason, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The route that permits it or came nearest, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<usize>,
    /// How it travels; `None` for what was refused before that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path; query values are masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The address that is dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the sidecar put a credential in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub credential: bool,
}

/// How a permitted request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The number of the request.
    pub id: u64,
    /// The origin's status; `None` when no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of request body that went out.
    pub bytes_out: u64,
    /// Bytes of response body that came in.
    pub bytes_in: u64,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Why it broke off, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `allow` or `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The request goes on.
    Allow,
    /// The request is refused.
    Deny,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_event_is_read_as_unknown() {
        let line = r#"{"time":"2026-01-01T00:00:00.000Z","event":"quota","left":3}"#;
        assert_eq!(
            serde_json::from_str::<AuditRecord>(line).unwrap().event,
            AuditEvent::Unknown
        );
    }

    #[test]
    fn a_decision_reads_back() {
        let decision = Decision {
            id: 1,
            verdict: Outcome::Deny,
            reason: Some(Reason::Address(crate::address::AddressClass::LinkLocal)),
            detail: None,
            route: Some(0),
            scheme: Some(Scheme::Https),
            method: Some("GET".to_owned()),
            host: Some("api.test".to_owned()),
            port: Some(443),
            path: Some("/".to_owned()),
            address: None,
            credential: false,
        };
        let record = AuditRecord {
            time: "t".to_owned(),
            event: AuditEvent::Decision(decision),
        };
        let line = serde_json::to_string(&record).unwrap();
        assert!(line.contains(r#""event":"decision""#), "{line}");
        assert_eq!(serde_json::from_str::<AuditRecord>(&line).unwrap(), record);
    }
}
