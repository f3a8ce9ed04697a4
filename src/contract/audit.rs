//! The lines of the audit log: JSON, one value a line, each bound to the one before it.
//!
//! A tolerant wire: readers skip unknown keys and unknown events. The newest lines stand in
//! [`NEWEST`]; a file that is full is renamed to the next of the [`numbered`] names, and the lines
//! go on in a new one.

use serde::{Deserialize, Serialize};

use crate::dlp::Found;
use crate::host::Host;
use crate::id::BottleId;
use crate::intent::{Intent, Scheme};
use crate::live::LiveChange;
use crate::verdict::{Denial, Reason, route_for};

/// The method of a request for a tunnel, of which nothing more is known.
pub const CONNECT: &str = "CONNECT";

/// The name of the file with the newest lines.
pub const NEWEST: &str = "audit.jsonl";

/// What stands in the place of the digest in the very first line: there is no line before it.
pub const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns the name of a file that was full; the first one has the number 1.
pub fn numbered(number: u64) -> String {
    format!("audit.{number}.jsonl")
}

/// Returns the number in such a name; `None` for any other name.
pub fn number_in(name: &str) -> Option<u64> {
    let number = name.strip_prefix("audit.")?.strip_suffix(".jsonl")?;
    number
        .parse()
        .ok()
        .filter(|number| *number > 0 && name == numbered(*number))
}

/// Where a chain of lines ends: it tells whether lines were taken away there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last line; 0 when there is none.
    pub seq: u64,
    /// The SHA-256 of that line without its end, in hex; [`NO_LINE`] when there is none.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: NO_LINE.to_owned(),
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The number of the line, from 1, over all files of the log; 0 where the line has none.
    #[serde(default)]
    pub seq: u64,
    /// The SHA-256 of the line before, without its end, in hex; [`NO_LINE`] in the first line.
    #[serde(default)]
    pub prev: String,
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
        /// The bottle, so that the log of another one cannot stand in this one's place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bottle: Option<BottleId>,
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
    /// The policy was changed while the bottle runs; written before it takes effect.
    Changed(LiveChange),
    /// A change came to its end.
    Expired(LiveChange),
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
    /// What the agent spoke; `None` for what was refused before that counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
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
    /// The placeholders whose real values were put in, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swapped: Vec<String>,
    /// What was found on its way out, where that is why it was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// What was found and stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Found>,
    /// The agent's headers, where the level asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
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
    /// What was replaced in the request or in its response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Found>,
    /// What was found in the request's body and stopped nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Found>,
    /// The origin's headers, where the level asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

/// What an agent speaks to the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1 or HTTP/1.0.
    H1,
    /// HTTP/2.
    H2,
    /// A WebSocket, which begins as a request in HTTP/1.1.
    Websocket,
    /// Written by a newer sidecar.
    #[serde(other)]
    Unknown,
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

impl Decision {
    /// Says what to change in the manifest to let the request through, in the words that the agent
    /// got; `None` where it was allowed, where nothing should change, or where too little is known.
    pub fn remedy(&self) -> Option<String> {
        let reason = self.reason?;
        let host: Host = self.host.as_ref()?.parse().ok()?;
        let port = self.port?;
        if self.method.as_deref() == Some(CONNECT) {
            return matches!(reason, Reason::Host | Reason::Port).then(|| route_for(&host, port));
        }
        let intent = Intent {
            scheme: self.scheme?,
            method: self.method.as_ref()?.parse().ok()?,
            host,
            port,
            target: self.path.as_ref()?.parse().ok()?,
        };
        let route = self.route;
        Denial { reason, route }.remedy(&intent)
    }
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
    fn a_newer_protocol_is_read_as_unknown() {
        for (word, expected) in [
            ("h1", Protocol::H1),
            ("h2", Protocol::H2),
            ("websocket", Protocol::Websocket),
            ("h3", Protocol::Unknown),
        ] {
            let read: Protocol = serde_json::from_str(&format!("\"{word}\"")).unwrap();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn only_the_names_that_the_log_gives_have_a_number() {
        for number in [1, 7, 16, u64::MAX] {
            assert_eq!(number_in(&numbered(number)), Some(number));
        }
        for name in [
            NEWEST,
            "audit.0.jsonl",
            "audit.01.jsonl",
            "audit.+1.jsonl",
            "audit.x.jsonl",
            "audit.1.jsonl.gz",
        ] {
            assert_eq!(number_in(name), None, "{name}");
        }
    }

    #[test]
    fn a_denial_names_the_lines_that_the_agent_was_shown() {
        let check = |line: &str, expected: Option<&str>| {
            let decision: Decision = serde_json::from_str(line).unwrap();
            assert_eq!(decision.remedy().as_deref(), expected, "{line}");
        };
        check(
            r#"{"id":1,"verdict":"deny","reason":"host","method":"CONNECT","host":"a.test","port":8443}"#,
            Some("[[egress.routes]]\nhost = \"a.test\"\nport = 8443"),
        );
        check(
            r#"{"id":1,"verdict":"deny","reason":"path","scheme":"https","method":"GET","host":"a.test","port":443,"path":"/a?b=***"}"#,
            Some("paths = [\"/a\"]  # in the route for a.test"),
        );
        check(
            r#"{"id":1,"verdict":"deny","reason":"git-push","scheme":"https","method":"GET","host":"a.test","port":443,"path":"/a"}"#,
            None,
        );
        check(
            r#"{"id":1,"verdict":"allow","scheme":"https","method":"GET","host":"a.test","port":443,"path":"/a"}"#,
            None,
        );
        check(r#"{"id":1,"verdict":"deny","reason":"malformed"}"#, None);
    }

    #[test]
    fn a_decision_reads_back() {
        let decision = Decision {
            id: 1,
            verdict: Outcome::Deny,
            reason: Some(Reason::Address(crate::address::AddressClass::LinkLocal)),
            detail: None,
            protocol: Some(Protocol::H2),
            route: Some(0),
            scheme: Some(Scheme::Https),
            method: Some("GET".to_owned()),
            host: Some("api.test".to_owned()),
            port: Some(443),
            path: Some("/".to_owned()),
            address: None,
            credential: false,
            swapped: vec!["TOKEN".to_owned()],
            found: None,
            warnings: vec![Found {
                detector: "jwt".to_owned(),
                place: "header x-a".to_owned(),
            }],
            headers: vec![("accept".to_owned(), "*/*".to_owned())],
        };
        let record = AuditRecord {
            seq: 1,
            prev: NO_LINE.to_owned(),
            time: "t".to_owned(),
            event: AuditEvent::Decision(decision),
        };
        let line = serde_json::to_string(&record).unwrap();
        assert!(line.contains(r#""event":"decision""#), "{line}");
        assert!(line.contains(r#""protocol":"h2""#), "{line}");
        assert_eq!(serde_json::from_str::<AuditRecord>(&line).unwrap(), record);
    }
}
