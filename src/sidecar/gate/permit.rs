//! The proofs of a decision. Their fields are private and only the gate makes them.

use std::net::SocketAddr;
use std::sync::Arc;

use bottle_contract::host::Host;
use bottle_contract::intent::Intent;
use http::header::HeaderMap;

use super::credential::Credential;
use super::swap::Swap;
use super::watch::Watch;
use crate::audit::Exchange;
use crate::dlp::Stream;

/// The proof that a request was permitted and that the audit log says so.
#[derive(Debug)]
pub struct Permit {
    parts: Parts,
}

/// What a permit carries.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) intent: Arc<Intent>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) route: usize,
    pub(super) generation: u64,
    pub(super) credential: Option<Credential>,
    pub(super) swaps: Vec<Arc<Swap>>,
    pub(super) body: Option<Stream>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) watch: Watch,
}

/// The proof that some route names this host and port, so that a CONNECT may be answered.
/// It lets no byte out: each request inside the tunnel needs a permit of its own.
#[derive(Clone, Debug)]
pub struct Tunnel {
    host: Host,
    port: u16,
}

impl Permit {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Returns what was permitted.
    pub fn intent(&self) -> &Intent {
        &self.parts.intent
    }

    /// Returns the addresses that were checked: the only ones that may be dialled.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.parts.addresses
    }

    /// Returns the route that permits it.
    pub fn route(&self) -> usize {
        self.parts.route
    }

    /// Returns which set of routes that number is about; it changes with each reload.
    pub fn generation(&self) -> u64 {
        self.parts.generation
    }

    /// Puts into the agent's headers what only the sidecar has: the real values of placeholders, and
    /// the route's credential.
    pub fn put_secrets_into(&self, headers: &mut HeaderMap) {
        for swap in &self.parts.swaps {
            swap.put_into(headers);
        }
        if let Some(credential) = &self.parts.credential {
            credential.put_into(headers);
        }
    }

    /// Returns what the request's body passes through, once; `None` where it is not scanned.
    pub fn take_body(&mut self) -> Option<Stream> {
        self.parts.body.take()
    }

    /// Returns what watches over the request and its answer.
    pub fn watch(&self) -> &Watch {
        &self.parts.watch
    }

    /// Returns the account that the request's bytes go on.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.parts.exchange
    }
}

impl Tunnel {
    pub(super) fn new(host: Host, port: u16) -> Self {
        Self { host, port }
    }

    /// Returns the host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }
}
