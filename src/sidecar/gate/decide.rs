//! The decision itself, and the line in the log that comes before everything else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use bottle_contract::audit::{AuditEvent, CONNECT, Decision, Outcome, Protocol};
use bottle_contract::host::Host;
use bottle_contract::intent::Intent;
use bottle_contract::live::{Change, LiveChange};
use bottle_contract::policy::{Policy, Route};
use bottle_contract::secret::Secret;
use bottle_contract::verdict::{Denial, Reason, Verdict, route_for};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::asked::Asked;
use super::credential::InvalidSecret;
use super::names::{Names, NoAddress, Resolve, public};
use super::permit::{Parts, Permit, Tunnel};
use super::refusal::{Refusal, Rejected};
use super::rules::{Live, ReloadError, Rules};
use crate::audit::{AuditLog, Counters, Exchange, masked};

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

/// Why an intent may not go, while it is decided about.
struct Denied {
    denial: Denial,
    detail: Option<String>,
}

impl Gate {
    /// Makes a gate for these routes.
    pub fn new(
        policy: Policy,
        secrets: &BTreeMap<String, Secret>,
        resolver: Arc<dyn Resolve>,
        log: Arc<AuditLog>,
        counters: Arc<Counters>,
    ) -> Result<Self, InvalidSecret> {
        Ok(Self {
            rules: RwLock::new(Arc::new(Rules::new(policy, secrets)?)),
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
        let request = Decision {
            protocol: Some(asked.protocol()),
            headers: self.log.headers(asked.headers(), rules.masked()),
            ..about(id, &intent)
        };
        match self.examine(&rules, &intent).await {
            Ok((route, addresses)) => self.permit(&rules, request, intent, route, addresses),
            Err(denied) => Err(self.deny(request, &intent, denied)),
        }
    }

    /// Decides whether a CONNECT may be answered: whether some route names the host and port.
    pub fn admit(&self, host: Host, port: u16) -> Result<Tunnel, Refusal> {
        match self.rules().names(&host, port) {
            Verdict::Allow(_) => Ok(Tunnel::new(host, port)),
            Verdict::Deny(denial) => {
                let decision = Decision {
                    reason: Some(denial.reason),
                    protocol: Some(Protocol::H1),
                    route: denial.route,
                    method: Some(CONNECT.to_owned()),
                    host: Some(host.to_string()),
                    port: Some(port),
                    ..blank(self.log.next_id())
                };
                self.record_denial(decision);
                Err(Refusal {
                    reason: denial.reason,
                    detail: None,
                    subject: format!("CONNECT {host}:{port}"),
                    remedy: (denial.reason != Reason::Withdrawn).then(|| route_for(&host, port)),
                })
            }
        }
    }

    /// Writes down what a listener rejected before it was an intent.
    pub fn reject(&self, rejected: &Rejected) -> Refusal {
        self.record_denial(Decision {
            reason: Some(rejected.reason),
            detail: Some(rejected.detail.clone()),
            protocol: rejected.protocol,
            scheme: rejected.scheme,
            method: rejected.method.clone(),
            host: rejected.host.as_ref().map(Host::to_string),
            port: rejected.port,
            ..blank(self.log.next_id())
        });
        Refusal {
            reason: rejected.reason,
            detail: Some(rejected.detail.clone()),
            subject: rejected.subject(),
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

    /// Asks the policy, then for the addresses. A name that is denied is never looked up.
    async fn examine(
        &self,
        rules: &Rules,
        intent: &Intent,
    ) -> Result<(usize, Vec<SocketAddr>), Denied> {
        let index = match rules.decide(intent) {
            Verdict::Allow(allowed) => allowed.route,
            Verdict::Deny(denial) => {
                return Err(Denied {
                    denial,
                    detail: None,
                });
            }
        };
        let route = rules.route(index);
        self.addresses(route, intent)
            .await
            .map(|addresses| (index, addresses))
            .map_err(|NoAddress { reason, detail }| Denied {
                denial: Denial {
                    reason,
                    route: Some(index),
                },
                detail: Some(detail),
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
        route: usize,
        addresses: Vec<SocketAddr>,
    ) -> Result<Permit, Refusal> {
        let credential = rules.credential(route);
        let shown: Vec<String> = addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        let decision = Decision {
            route: Some(route),
            address: Some(shown.join(", ")),
            credential: credential.is_some(),
            verdict: Outcome::Allow,
            ..request
        };
        let id = decision.id;
        if let Err(error) = self.log.write(&AuditEvent::Decision(decision)) {
            let denial = Denial {
                reason: Reason::AuditUnavailable,
                route: Some(route),
            };
            let detail = Some(error.to_string());
            return Err(self.deny(about(id, &intent), &intent, Denied { denial, detail }));
        }
        self.counters.decided(Outcome::Allow);
        let exchange = Exchange::begin(
            id,
            Arc::clone(&self.log),
            Arc::clone(&self.counters),
            Arc::clone(rules.masked()),
        );
        Ok(Permit::new(Parts {
            intent,
            addresses,
            route,
            generation: rules.generation(),
            credential,
            exchange: Arc::new(exchange),
        }))
    }

    fn deny(&self, request: Decision, intent: &Intent, denied: Denied) -> Refusal {
        let Denied { denial, detail } = denied;
        self.record_denial(Decision {
            reason: Some(denial.reason),
            detail: detail.clone(),
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
fn about(id: u64, intent: &Intent) -> Decision {
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
