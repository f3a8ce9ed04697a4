//! The decision itself, and the line in the log that comes before everything else.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bottle_contract::audit::{AuditEvent, CONNECT, Decision, Outcome};
use bottle_contract::host::Host;
use bottle_contract::intent::Intent;
use bottle_contract::policy::{Policy, Route};
use bottle_contract::secret::Secret;
use bottle_contract::verdict::{Denial, Reason, Verdict, route_for};
use thiserror::Error;

use super::credential::{Credential, InvalidSecret, credentials};
use super::names::{Names, NoAddress, Resolve, public};
use super::permit::{Parts, Permit, Tunnel};
use super::refusal::{Refusal, Rejected};
use crate::audit::{AuditLog, Counters, Exchange, masked};

/// Decides about everything that an agent asks for.
#[derive(Debug)]
pub struct Gate {
    rules: RwLock<Arc<Rules>>,
    generations: AtomicU64,
    names: Names,
    log: Arc<AuditLog>,
    counters: Arc<Counters>,
}

/// The routes in force, with their credentials.
#[derive(Debug)]
struct Rules {
    policy: Policy,
    credentials: Vec<Option<Credential>>,
    generation: u64,
}

/// Why the routes stay as they are.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// A credential cannot be used.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// The log cannot be written.
    #[error("write to the audit log: {0}")]
    Log(#[from] io::Error),
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
        let rules = Rules {
            credentials: credentials(&policy, secrets)?,
            policy,
            generation: 0,
        };
        Ok(Self {
            rules: RwLock::new(Arc::new(rules)),
            generations: AtomicU64::new(0),
            names: Names::new(resolver),
            log,
            counters,
        })
    }

    /// Replaces the routes, once the log says so. Permits that were given stay good.
    pub fn reload(
        &self,
        policy: Policy,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<(), ReloadError> {
        let rules = Rules {
            credentials: credentials(&policy, secrets)?,
            policy,
            generation: self.generations.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let routes = rules.policy.routes.len();
        self.log.write(&AuditEvent::Reloaded { routes })?;
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(())
    }

    /// Returns the routes in force.
    pub fn policy(&self) -> Policy {
        self.rules().policy.clone()
    }

    /// Decides about a request. The audit log has the line before this returns.
    pub async fn decide(&self, intent: Intent) -> Result<Permit, Refusal> {
        let rules = self.rules();
        let id = self.log.next_id();
        match self.examine(&rules, &intent).await {
            Ok((route, addresses)) => self.permit(&rules, id, intent, route, addresses),
            Err(denied) => Err(self.deny(id, &intent, denied)),
        }
    }

    /// Decides whether a CONNECT may be answered: whether some route names the host and port.
    pub fn admit(&self, host: Host, port: u16) -> Result<Tunnel, Refusal> {
        match self.rules().policy.names(&host, port) {
            Verdict::Allow(_) => Ok(Tunnel::new(host, port)),
            Verdict::Deny(denial) => {
                let decision = Decision {
                    reason: Some(denial.reason),
                    route: denial.route,
                    method: Some(CONNECT.to_owned()),
                    host: Some(host.to_string()),
                    port: Some(port),
                    ..blank(self.log.next_id(), Outcome::Deny)
                };
                self.record_denial(decision);
                Err(Refusal {
                    reason: denial.reason,
                    detail: None,
                    subject: format!("CONNECT {host}:{port}"),
                    remedy: Some(route_for(&host, port)),
                })
            }
        }
    }

    /// Writes down what a listener rejected before it was an intent.
    pub fn reject(&self, rejected: &Rejected) -> Refusal {
        self.record_denial(Decision {
            reason: Some(rejected.reason),
            detail: Some(rejected.detail.clone()),
            scheme: rejected.scheme,
            method: rejected.method.clone(),
            host: rejected.host.as_ref().map(Host::to_string),
            port: rejected.port,
            ..blank(self.log.next_id(), Outcome::Deny)
        });
        Refusal {
            reason: rejected.reason,
            detail: Some(rejected.detail.clone()),
            subject: rejected.subject(),
            remedy: None,
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the policy, then for the addresses. A name that is denied is never looked up.
    async fn examine(
        &self,
        rules: &Rules,
        intent: &Intent,
    ) -> Result<(usize, Vec<SocketAddr>), Denied> {
        let index = match rules.policy.decide(intent) {
            Verdict::Allow(allowed) => allowed.route,
            Verdict::Deny(denial) => {
                return Err(Denied {
                    denial,
                    detail: None,
                });
            }
        };
        let route = rules.policy.routes.get(index);
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
        id: u64,
        intent: Intent,
        route: usize,
        addresses: Vec<SocketAddr>,
    ) -> Result<Permit, Refusal> {
        let credential = rules.credentials.get(route).cloned().flatten();
        let shown: Vec<String> = addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        let decision = Decision {
            route: Some(route),
            address: Some(shown.join(", ")),
            credential: credential.is_some(),
            ..about(id, Outcome::Allow, &intent)
        };
        if let Err(error) = self.log.write(&AuditEvent::Decision(decision)) {
            let denial = Denial {
                reason: Reason::AuditUnavailable,
                route: Some(route),
            };
            let detail = Some(error.to_string());
            return Err(self.deny(id, &intent, Denied { denial, detail }));
        }
        self.counters.decided(Outcome::Allow);
        let exchange = Exchange::begin(id, Arc::clone(&self.log), Arc::clone(&self.counters));
        Ok(Permit::new(Parts {
            intent,
            addresses,
            route,
            generation: rules.generation,
            credential,
            exchange: Arc::new(exchange),
        }))
    }

    fn deny(&self, id: u64, intent: &Intent, denied: Denied) -> Refusal {
        let Denied { denial, detail } = denied;
        self.record_denial(Decision {
            reason: Some(denial.reason),
            detail: detail.clone(),
            route: denial.route,
            ..about(id, Outcome::Deny, intent)
        });
        Refusal::of(intent, &denial, detail)
    }

    /// Counts and writes a denial. When it cannot be written the request stays denied all the same.
    fn record_denial(&self, decision: Decision) {
        self.counters.decided(Outcome::Deny);
        drop(self.log.write(&AuditEvent::Decision(decision)));
    }
}

fn about(id: u64, verdict: Outcome, intent: &Intent) -> Decision {
    Decision {
        scheme: Some(intent.scheme),
        method: Some(intent.method.to_string()),
        host: Some(intent.host.to_string()),
        port: Some(intent.port),
        path: Some(masked(&intent.target)),
        ..blank(id, verdict)
    }
}

fn blank(id: u64, verdict: Outcome) -> Decision {
    Decision {
        id,
        verdict,
        reason: None,
        detail: None,
        route: None,
        scheme: None,
        method: None,
        host: None,
        port: None,
        path: None,
        address: None,
        credential: false,
    }
}
