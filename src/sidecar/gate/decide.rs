//! The decision itself, and the line in the log that comes before everything else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use bottle_contract::audit::{AuditEvent, CONNECT, Decision, Outcome, Protocol};
use bottle_contract::dlp::{Dlp, Scanning};
use bottle_contract::host::Host;
use bottle_contract::intent::Intent;
use bottle_contract::live::{Change, LiveChange};
use bottle_contract::policy::{Policy, Route};
use bottle_contract::secret::Secret;
use bottle_contract::verdict::{Denial, Reason, Verdict, route_for};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::asked::{Asked, Has};
use super::grant::{Denied, Granted, Written, inspect, scanned};
use super::names::{Names, NoAddress, Resolve, public};
use super::permit::{Permit, Tunnel};
use super::refusal::{Refusal, Rejected, subject};
use super::rules::{Live, ReloadError, Rules};
use super::scan::{BadScan, Inspected};
use super::watch;
use crate::audit::{AuditLog, Counters, MASK, masked};

/// Decides about everything that an agent asks for.
#[derive(Debug)]
pub struct Gate {
    rules: RwLock<Arc<Rules>>,
    /// Held while new rules are made from those in force.
    changing: Mutex<()>,
    /// Told when the rules may end earlier than was known.
    changed: Notify,
    names: Names,
    log: Arc<AuditLog>,
    counters: Arc<Counters>,
}

/// What a gate decides by.
#[derive(Debug)]
pub struct Settings {
    /// The routes.
    pub policy: Policy,
    /// The values that they, and placeholders, name.
    pub secrets: BTreeMap<String, Secret>,
    /// How what leaves is scanned.
    pub dlp: Dlp,
}

impl Gate {
    /// Makes a gate for these routes.
    pub fn new(
        settings: Settings,
        resolver: Arc<dyn Resolve>,
        log: Arc<AuditLog>,
        counters: Arc<Counters>,
    ) -> Result<Self, BadScan> {
        let Settings {
            policy,
            secrets,
            dlp,
        } = settings;
        let rules = Rules::new(policy, &secrets, Arc::new(dlp))?;
        Ok(Self {
            rules: RwLock::new(Arc::new(rules)),
            changing: Mutex::new(()),
            changed: Notify::new(),
            names: Names::new(resolver),
            log,
            counters,
        })
    }

    /// Replaces the manifest's routes, once the log says so. Permits that were given stay good.
    pub fn reload(
        &self,
        policy: Policy,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<(), ReloadError> {
        let _changing = self.changing();
        let routes = policy.routes.len();
        let rules = self.in_force().reloaded(policy, secrets)?;
        self.log.write(&AuditEvent::Reloaded { routes })?;
        self.put(rules);
        Ok(())
    }

    /// Changes the rules while the bottle runs, once the log says so. Permits that were given stay good.
    pub fn change(
        &self,
        change: Change,
        seconds: Option<u64>,
        by: String,
    ) -> Result<(), ReloadError> {
        let _changing = self.changing();
        let live = Live::new(change, seconds, by)?;
        let event = AuditEvent::Changed(live.shown().clone());
        let rules = self.in_force().changed(live)?;
        self.log.write(&event)?;
        self.put(rules);
        self.changed.notify_one();
        Ok(())
    }

    /// Returns the manifest's routes.
    pub fn policy(&self) -> Policy {
        self.rules().manifest().clone()
    }

    /// Returns how what leaves is scanned.
    pub fn scanning(&self) -> Scanning {
        self.rules().dlp().shown()
    }

    /// Returns the changes in force, the newest last.
    pub fn live(&self) -> Vec<LiveChange> {
        self.rules().live()
    }

    /// Ends each change when its time is over, for as long as this is polled.
    pub async fn watch(&self) {
        loop {
            match self.rules().soonest() {
                Some(end) => {
                    let end = sleep_until(end.into());
                    tokio::select! {
                        () = end => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    fn in_force(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back what is over. That it cannot be written down keeps nothing in force.
    fn expire(&self, now: Instant) {
        let _changing = self.changing();
        let Some((rules, over)) = self.in_force().expired(now) else {
            return;
        };
        self.put(rules);
        for change in over {
            drop(self.log.write(&AuditEvent::Expired(change)));
        }
    }

    /// Decides about a request. The audit log has the line before this returns.
    pub async fn decide(&self, intent: Intent, asked: Asked<'_>) -> Result<Permit, Refusal> {
        let rules = self.rules();
        let id = self.log.next_id();
        let mut request = Decision {
            protocol: Some(asked.protocol()),
            headers: self.log.headers(asked.headers(), rules.masked()),
            ..about(id, &intent)
        };
        let verdict = rules.decide(&intent);
        let inspected = inspect(&rules, &verdict, &intent, asked);
        inspected.mask(&mut request);
        request.warnings.clone_from(&inspected.warnings);
        match self
            .examine(&rules, verdict, &intent, asked, &inspected)
            .await
        {
            Ok(granted) => {
                if granted.body.is_none() && asked.body() == Has::Body {
                    request.warnings.push(watch::unscanned());
                }
                self.permit(&rules, request, intent, granted, inspected)
            }
            Err(denied) => {
                let refusal = self.deny(request, &intent, denied);
                Err(if inspected.hides_subject() {
                    refusal.without_subject()
                } else {
                    refusal
                })
            }
        }
    }

    /// Decides whether a CONNECT may be answered: whether some route names the host and port.
    pub fn admit(&self, host: Host, port: u16) -> Result<Tunnel, Refusal> {
        match self.rules().names(&host, port) {
            Verdict::Allow(_) => Ok(Tunnel::new(host, port)),
            Verdict::Deny(denial) => {
                let shown = self.rules().scan().shown(host.to_string());
                let says = denial.reason != Reason::Withdrawn && shown != MASK;
                let decision = Decision {
                    reason: Some(denial.reason),
                    protocol: Some(Protocol::H1),
                    route: denial.route,
                    method: Some(CONNECT.to_owned()),
                    host: Some(shown.clone()),
                    port: Some(port),
                    ..blank(self.log.next_id())
                };
                self.record_denial(decision);
                Err(Refusal {
                    reason: denial.reason,
                    detail: None,
                    subject: format!("CONNECT {shown}:{port}"),
                    remedy: says.then(|| route_for(&host, port)),
                })
            }
        }
    }

    /// Writes down what a listener rejected before it was an intent.
    pub fn reject(&self, rejected: &Rejected) -> Refusal {
        let rules = self.rules();
        let shown = |text: String| rules.scan().shown(text);
        let detail = shown(rejected.detail.clone());
        let method = rejected.method.clone().map(shown);
        let host = rejected.host.as_ref().map(Host::to_string).map(shown);
        let subject = subject(method.as_deref(), host.as_deref(), rejected.port);
        self.record_denial(Decision {
            reason: Some(rejected.reason),
            detail: Some(detail.clone()),
            protocol: rejected.protocol,
            scheme: rejected.scheme,
            method,
            host,
            port: rejected.port,
            ..blank(self.log.next_id())
        });
        Refusal {
            reason: rejected.reason,
            detail: Some(detail),
            subject,
            remedy: None,
        }
    }

    /// Returns the rules in force. What is over is not among them, however late its timer fires.
    fn rules(&self) -> Arc<Rules> {
        let rules = self.in_force();
        let Some(end) = rules.soonest() else {
            return rules;
        };
        let now = Instant::now();
        if now < end {
            return rules;
        }
        self.expire(now);
        self.in_force()
    }

    /// Asks the policy, then looks at what was found, and then for the addresses: what is denied is
    /// never looked up, since a name can carry a secret out.
    async fn examine(
        &self,
        rules: &Rules,
        verdict: Verdict,
        intent: &Intent,
        asked: Asked<'_>,
        inspected: &Inspected,
    ) -> Result<Granted, Denied> {
        let index = match verdict {
            Verdict::Allow(allowed) => allowed.route,
            Verdict::Deny(denial) => return Err(Denied::by(denial)),
        };
        let denial = |reason| Denial {
            reason,
            route: Some(index),
        };
        if let Some((reason, found)) = &inspected.stop {
            return Err(Denied {
                denial: denial(*reason),
                detail: Some(found.to_string()),
                found: Some(found.clone()),
            });
        }
        let route = rules.route(index);
        let body = match (asked.body(), route) {
            (Has::Body, Some(route)) => scanned(rules.scan(), route, asked.headers(), index)?,
            (Has::None, _) | (Has::Body, None) => None,
        };
        let addresses = self.addresses(route, intent).await;
        addresses
            .map(|addresses| Granted {
                route: index,
                addresses,
                body,
            })
            .map_err(|NoAddress { reason, detail }| Denied {
                detail: Some(detail),
                ..Denied::by(denial(reason))
            })
    }

    async fn addresses(
        &self,
        route: Option<&Route>,
        intent: &Intent,
    ) -> Result<Vec<SocketAddr>, NoAddress> {
        if let Some(pin) = route.and_then(|route| route.address) {
            return Ok(vec![SocketAddr::new(pin, intent.port)]);
        }
        match &intent.host {
            Host::Address(address) => {
                public(*address)?;
                Ok(vec![SocketAddr::new(*address, intent.port)])
            }
            Host::Name(name) => self.names.addresses(name, intent.port).await,
        }
    }

    fn permit(
        &self,
        rules: &Rules,
        request: Decision,
        intent: Intent,
        granted: Granted,
        inspected: Inspected,
    ) -> Result<Permit, Refusal> {
        let shown: Vec<String> = granted
            .addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        let swapped = inspected.swaps.iter().map(|swap| swap.name().to_owned());
        let decision = Decision {
            route: Some(granted.route),
            address: Some(shown.join(", ")),
            credential: rules.credential(granted.route).is_some(),
            swapped: swapped.collect(),
            verdict: Outcome::Allow,
            ..request
        };
        let (id, protocol) = (decision.id, decision.protocol);
        if let Err(error) = self.log.write(&AuditEvent::Decision(decision)) {
            let denied = Denied {
                detail: Some(error.to_string()),
                ..Denied::by(Denial {
                    reason: Reason::AuditUnavailable,
                    route: Some(granted.route),
                })
            };
            return Err(self.deny(about(id, &intent), &intent, denied));
        }
        self.counters.decided(Outcome::Allow);
        let written = Written {
            id,
            protocol,
            intent,
        };
        Ok(granted.permit(rules, written, inspected.swaps, &self.log, &self.counters))
    }

    fn deny(&self, request: Decision, intent: &Intent, denied: Denied) -> Refusal {
        let Denied {
            denial,
            detail,
            found,
        } = denied;
        self.record_denial(Decision {
            reason: Some(denial.reason),
            detail: detail.clone(),
            found,
            route: denial.route,
            verdict: Outcome::Deny,
            ..request
        });
        Refusal::of(intent, &denial, detail)
    }

    /// Counts and writes a denial. When it cannot be written the request stays denied all the same.
    fn record_denial(&self, decision: Decision) {
        self.counters.decided(Outcome::Deny);
        drop(self.log.write(&AuditEvent::Decision(decision)));
    }
}

/// What is known of a request before it is decided about: until then it is denied.
pub(super) fn about(id: u64, intent: &Intent) -> Decision {
    Decision {
        scheme: Some(intent.scheme),
        method: Some(intent.method.to_string()),
        host: Some(intent.host.to_string()),
        port: Some(intent.port),
        path: Some(masked(&intent.target)),
        ..blank(id)
    }
}

fn blank(id: u64) -> Decision {
    Decision {
        id,
        verdict: Outcome::Deny,
        reason: None,
        detail: None,
        protocol: None,
        route: None,
        scheme: None,
        method: None,
        host: None,
        port: None,
        path: None,
        address: None,
        credential: false,
        swapped: Vec::new(),
        found: None,
        warnings: Vec::new(),
        headers: Vec::new(),
    }
}
