//! What is found out about a request on the way to its permit, or to its denial.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bottle_contract::audit::Protocol;
use bottle_contract::dlp::{Found, Unscannable};
use bottle_contract::intent::Intent;
use bottle_contract::policy::Route;
use bottle_contract::verdict::{Denial, Reason, Verdict};
use http::header::HeaderMap;

use super::asked::Asked;
use super::permit::{Parts, Permit};
use super::rules::Rules;
use super::scan::{Inspected, Scan, Towards};
use super::swap::Swap;
use super::watch::{self, Watch, Watching};
use crate::audit::{AuditLog, Counters, Exchange};
use crate::dlp::Stream;

/// What a permit is made of, found step by step.
pub(super) struct Granted {
    pub(super) route: usize,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) body: Option<Stream>,
}

/// Why an intent may not go, while it is decided about.
pub(super) struct Denied {
    pub(super) denial: Denial,
    pub(super) detail: Option<String>,
    pub(super) found: Option<Found>,
}

/// A request whose line is in the log.
pub(super) struct Written {
    pub(super) id: u64,
    pub(super) protocol: Option<Protocol>,
    pub(super) intent: Intent,
}

impl Granted {
    /// Makes the permit.
    pub(super) fn permit(
        self,
        rules: &Rules,
        written: Written,
        swaps: Vec<Arc<Swap>>,
        log: &Arc<AuditLog>,
        counters: &Arc<Counters>,
    ) -> Permit {
        let Written {
            id,
            protocol,
            intent,
        } = written;
        let exchange = Arc::new(Exchange::begin(
            id,
            Arc::clone(log),
            Arc::clone(counters),
            Arc::clone(rules.masked()),
        ));
        let intent = Arc::new(intent);
        let settings = rules.route(self.route).map(|route| &route.dlp);
        let scan = rules.scan();
        let watch = Watch::new(Watching {
            on_match: scan.on_match(settings),
            unscannable: scan.unscannable(settings),
            scan: Arc::clone(scan),
            id,
            protocol,
            route: self.route,
            intent: Arc::clone(&intent),
            log: Arc::clone(log),
            counters: Arc::clone(counters),
            exchange: Arc::clone(&exchange),
            stopped: OnceLock::new(),
        });
        Permit::new(Parts {
            intent,
            addresses: self.addresses,
            route: self.route,
            generation: rules.generation(),
            credential: rules.credential(self.route).cloned(),
            swaps,
            body: self.body,
            exchange,
            watch,
        })
    }
}

impl Denied {
    pub(super) fn by(denial: Denial) -> Self {
        Self {
            denial,
            detail: None,
            found: None,
        }
    }
}

/// Looks through the head of a request, also of one that is denied: its line must hold no secret.
pub(super) fn inspect(
    rules: &Rules,
    verdict: &Verdict,
    intent: &Intent,
    asked: Asked<'_>,
) -> Inspected {
    let towards = match verdict {
        Verdict::Allow(allowed) => rules.route(allowed.route).map(|route| Towards {
            route,
            credential: rules.credential(allowed.route),
        }),
        Verdict::Deny(_) => None,
    };
    rules.scan().head(intent, asked.headers(), towards)
}

/// Begins to scan a body; `None` where it cannot be, and the route lets it pass.
pub(super) fn scanned(
    scan: &Scan,
    route: &Route,
    headers: &HeaderMap,
    index: usize,
) -> Result<Option<Stream>, Denied> {
    let settings = Some(&route.dlp);
    match watch::body(scan, scan.on_match(settings), headers) {
        Ok(stream) => Ok(Some(stream)),
        Err(_) if scan.unscannable(settings) == Unscannable::Pass => Ok(None),
        Err(why) => Err(Denied {
            denial: Denial {
                reason: Reason::Unscannable,
                route: Some(index),
            },
            detail: Some(why.to_string()),
            found: Some(watch::unscanned()),
        }),
    }
}
