//! Idle connections to origins, kept for the next request on the same route.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use bottle_contract::host::Host;
use bottle_contract::intent::Scheme;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::body::Outbound;
use crate::gate::Permit;
use crate::limits;

/// What a connection may be used for again. The route stands in it, so that two credentials for one
/// host never share a connection; its generation, since numbers mean other routes after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    scheme: Scheme,
    host: Host,
    address: SocketAddr,
    route: usize,
    generation: u64,
}

/// The idle connections; the ones used last stand at the end.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    key: Key,
    sender: SendRequest<Outbound>,
    since: Instant,
}

impl Key {
    /// Names the connection that this permit needs, to this one of its addresses.
    pub(super) fn of(permit: &Permit, address: SocketAddr) -> Self {
        Self {
            scheme: permit.intent().scheme,
            host: permit.intent().host.clone(),
            address,
            route: permit.route(),
            generation: permit.generation(),
        }
    }

    /// Tells whether a permit covers this connection: its address must be one that was checked.
    fn serves(&self, permit: &Permit) -> bool {
        permit
            .addresses()
            .iter()
            .any(|address| *self == Self::of(permit, *address))
    }
}

impl Pool {
    /// Takes a connection that this permit may use.
    pub(super) fn take(&self, permit: &Permit) -> Option<(Key, SendRequest<Outbound>)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Idle::is_usable);
        let at = idle.iter().rposition(|idle| idle.key.serves(permit))?;
        let Idle { key, sender, .. } = idle.remove(at);
        Some((key, sender))
    }

    /// Keeps a connection; the oldest goes where there are too many.
    pub(super) fn put(&self, key: Key, sender: SendRequest<Outbound>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Idle::is_usable);
        let same = idle.iter().filter(|idle| idle.key == key).count();
        if same >= limits::POOL_PER_ORIGIN {
            if let Some(oldest) = idle.iter().position(|idle| idle.key == key) {
                idle.remove(oldest);
            }
        } else if idle.len() >= limits::POOL {
            idle.remove(0);
        }
        idle.push(Idle {
            key,
            sender,
            since: Instant::now(),
        });
    }
}

impl Idle {
    fn is_usable(&self) -> bool {
        !self.sender.is_closed() && self.since.elapsed() < limits::POOL_IDLE
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pool").finish_non_exhaustive()
    }
}
