//! The proofs of a decision. Their fields are private and only the gate makes them.

use std::net::SocketAddr;
use std::sync::Arc;

use bottle_contract::host::Host;
use bottle_contract::intent::Intent;

use super::credential::Credential;
use crate::audit::Exchange;

/// The proof that a request was permitted and that the audit log says so.
#[derive(Debug)]
pub struct Permit {
    parts: Parts,
}

/// What a permit carries.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) intent: Intent,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) route: usize,
    pub(super) generation: u64,
    pub(super) credential: Option<Credential>,
    pub(super) exchange: Arc<Exchange>,
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

    /// Returns the credential to put in.
    pub fn credential(&self) -> Option<&Credential> {
        self.parts.credential.as_ref()
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
