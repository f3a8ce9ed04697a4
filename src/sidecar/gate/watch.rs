//! Watches over a request that was permitted: what its body holds, and what its answer brings back.

use std::sync::{Arc, OnceLock};

use bottle_contract::audit::{AuditEvent, Outcome, Protocol};
use bottle_contract::dlp::{Found, OnMatch, Unscannable};
use bottle_contract::intent::Intent;
use bottle_contract::verdict::{Denial, Reason};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RANGE,
};

use super::decide::about;
use super::refusal::Refusal;
use super::scan::{Answers, Scan, found, reason};
use crate::audit::{AuditLog, Counters, Exchange};
use crate::dlp::{self, Allowed, Content, Finding, Frames, Head, Place, Scrub, Stop, Stream};
use crate::headers::listed;

/// What is said of a body that goes on unscanned.
const UNSCANNED: &str = "unscannable";

/// Watches over one request. A clone shares it.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Watching>);

#[derive(Debug)]
pub(super) struct Watching {
    pub(super) scan: Arc<Scan>,
    pub(super) on_match: OnMatch,
    pub(super) unscannable: Unscannable,
    pub(super) id: u64,
    pub(super) protocol: Option<Protocol>,
    pub(super) route: usize,
    pub(super) intent: Arc<Intent>,
    pub(super) log: Arc<AuditLog>,
    pub(super) counters: Arc<Counters>,
    pub(super) exchange: Arc<Exchange>,
    /// Set once something was found that must not leave.
    pub(super) stopped: OnceLock<Refusal>,
}

impl Watch {
    pub(super) fn new(watching: Watching) -> Self {
        Self(Arc::new(watching))
    }

    /// Returns why the request was stopped after it was permitted.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.stopped.get()
    }

    /// Stops the request: the log is told, and the agent will be. What cannot be scanned may go on
    /// all the same where the route says so; then this tells so and stops nothing.
    pub fn stop(&self, stop: Stop) -> Stopped {
        match stop {
            Stop::Match(finding) => {
                let reason = reason(finding.tier).unwrap_or(Reason::Rule);
                self.deny(reason, found(&finding), None);
                Stopped::ForGood
            }
            Stop::Unscannable(why) => match self.0.unscannable {
                Unscannable::Pass => {
                    self.0.exchange.warned(unscanned());
                    Stopped::GoesOnUnscanned
                }
                Unscannable::Deny => {
                    self.deny(Reason::Unscannable, unscanned(), Some(why.to_string()));
                    Stopped::ForGood
                }
            },
        }
    }

    fn deny(&self, reason: Reason, found: Found, why: Option<String>) {
        let this = &*self.0;
        let denial = Denial {
            reason,
            route: Some(this.route),
        };
        let detail = why.unwrap_or_else(|| found.to_string());
        let refusal = Refusal::of(&this.intent, &denial, Some(detail.clone()));
        if this.stopped.set(refusal).is_err() {
            return;
        }
        let mut decision = about(this.id, &this.intent);
        decision.verdict = Outcome::Deny;
        decision.protocol = this.protocol;
        decision.route = Some(this.route);
        decision.reason = Some(reason);
        decision.detail = Some(detail);
        decision.found = Some(found);
        this.exchange
            .broke(&format!("stopped on its way out: {reason}"));
        this.counters.decided(Outcome::Deny);
        // It stays stopped when this cannot be written, and the next decision meets the same log.
        drop(this.log.write(&AuditEvent::Decision(decision)));
    }

    /// Looks through the trailers of a request, where everything that is found stops it.
    pub fn trailers(&self, trailers: &HeaderMap) -> Stopped {
        let head = Head {
            host: "",
            path: "",
            query: None,
            headers: trailers,
        };
        let found = self.0.scan.detectors.head(&head, &Allowed::none());
        let Some(finding) = found.into_iter().find(|finding| finding.tier.stops()) else {
            return Stopped::Not;
        };
        let found = Found {
            detector: finding.detector,
            place: "trailer".to_owned(),
        };
        self.deny(reason(finding.tier).unwrap_or(Reason::Rule), found, None);
        Stopped::ForGood
    }

    /// Tells whether a body may get longer or shorter on its way.
    pub fn redacts(&self) -> bool {
        self.0.on_match == OnMatch::Redact
    }

    /// Notes what was found in a body and did not stop it.
    pub fn report(&self, findings: Vec<Finding>) {
        for finding in findings {
            if finding.tier.stops() {
                self.0.exchange.redacted(found(&finding));
            } else {
                self.0.exchange.warned(found(&finding));
            }
        }
    }

    /// Begins to watch over what the agent sends in an open WebSocket: messages, and what stands in
    /// pings between them.
    pub fn frames(&self) -> Result<[Frames; 2], dlp::Unscannable> {
        let detectors = &self.0.scan.detectors;
        Ok([Frames::new(detectors)?, Frames::new(detectors)?])
    }

    /// Tells whether an answer can bring back what the agent must not have.
    pub fn scrubs(&self) -> bool {
        self.0.scan.answers == Answers::Scrubbed
    }

    /// Asks the origin for nothing that cannot be looked through on its way back.
    pub fn narrow(&self, headers: &mut HeaderMap) {
        if !self.scrubs() {
            return;
        }
        let accepted: Vec<&str> = if headers.contains_key(RANGE) {
            // A part of what is encoded cannot be decoded.
            Vec::new()
        } else {
            listed(headers, &ACCEPT_ENCODING)
                .filter(|item| {
                    let coding = item.split(';').next().unwrap_or_default().trim();
                    let mut known = Scrub::ACCEPTED.split(',').map(str::trim);
                    known.any(|known| known.eq_ignore_ascii_case(coding))
                })
                .collect()
        };
        let value = HeaderValue::from_str(&accepted.join(", "))
            .ok()
            .filter(|value| !value.is_empty())
            .unwrap_or(HeaderValue::from_static("identity"));
        headers.insert(ACCEPT_ENCODING, value);
    }

    /// Begins to take secrets out of an answer's body.
    pub fn scrub(&self, headers: &HeaderMap) -> Result<Option<Scrub>, dlp::Unscannable> {
        if !self.scrubs() {
            return Ok(None);
        }
        let encoding = encoding(headers);
        match Scrub::new(
            &self.0.scan.detectors,
            content(headers, encoding.as_deref()),
        ) {
            Ok(scrub) => Ok(Some(scrub)),
            Err(why) => match self.0.unscannable {
                Unscannable::Deny => Err(why),
                Unscannable::Pass => {
                    self.0.exchange.warned(Found {
                        place: "answer".to_owned(),
                        ..unscanned()
                    });
                    Ok(None)
                }
            },
        }
    }

    /// Begins to take secrets out of one message of an open WebSocket.
    pub fn scrub_message(&self) -> Result<Scrub, dlp::Unscannable> {
        Scrub::new(&self.0.scan.detectors, Content::default())
    }

    /// Takes secrets out of an answer's headers.
    pub fn scrub_headers(&self, headers: &mut HeaderMap) {
        if !self.scrubs() {
            return;
        }
        let mut emptied: Vec<HeaderName> = Vec::new();
        for (name, value) in headers.iter_mut() {
            let Some(clean) = self.scrubbed(value.as_bytes()) else {
                continue;
            };
            self.replaced_in(&format!("header {name} of the answer"));
            match HeaderValue::from_bytes(&clean) {
                Ok(clean) => *value = clean,
                Err(_) => emptied.push(name.clone()),
            }
        }
        for name in emptied {
            headers.remove(name);
        }
    }

    /// Returns a text without the secrets that it holds; `None` where it holds none.
    fn scrubbed(&self, text: &[u8]) -> Option<Bytes> {
        let mut scrub = Scrub::new(&self.0.scan.detectors, Content::default()).ok()?;
        let first = scrub.push(Bytes::copy_from_slice(text)).ok()?;
        let rest = scrub.finish().ok()?;
        scrub
            .replaced()
            .then(|| Bytes::from([first, rest].concat()))
    }

    /// Notes that something was replaced: the engine does not say what.
    pub fn replaced_in(&self, place: &str) {
        self.0.exchange.redacted(Found {
            detector: "secret".to_owned(),
            place: place.to_owned(),
        });
    }
}

/// What becomes of a request after [`Watch::stop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ends.
    ForGood,
    /// It goes on, and what is left of it is not scanned.
    GoesOnUnscanned,
    /// Nothing was found.
    Not,
}

/// Begins to scan a body with these headers.
pub(super) fn body(
    scan: &Scan,
    on_match: OnMatch,
    headers: &HeaderMap,
) -> Result<Stream, dlp::Unscannable> {
    let encoding = encoding(headers);
    let on_match = match on_match {
        OnMatch::Block => dlp::OnMatch::Block,
        OnMatch::Redact => dlp::OnMatch::Redact,
    };
    let content = content(headers, encoding.as_deref());
    Stream::new(&scan.detectors, content, on_match, Place::Body)
}

pub(super) fn unscanned() -> Found {
    Found {
        detector: UNSCANNED.to_owned(),
        place: "body".to_owned(),
    }
}

fn content<'a>(headers: &'a HeaderMap, encoding: Option<&'a str>) -> Content<'a> {
    Content {
        content_encoding: encoding,
        content_type: headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok()),
    }
}

/// The codings of all lines of the header, in their order.
fn encoding(headers: &HeaderMap) -> Option<String> {
    // What is no text is kept as something that nobody can undo.
    let lines: Vec<_> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
