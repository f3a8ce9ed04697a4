//! Connections to origins, kept for the next request on the same route.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bottle_contract::host::Host;
use bottle_contract::intent::Scheme;
use hyper::client::conn::{http1, http2};
use tokio::time::Instant;

use super::body::Outbound;
use super::line::{Lease, Line, Stream};
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

/// The connections; the ones used last stand at the end.
#[derive(Default)]
pub(super) struct Pool {
    /// Those of HTTP/1.1 on which nothing is under way.
    idle: Mutex<Vec<Idle>>,
    /// Those of HTTP/2, which several requests use at the same time.
    shared: Mutex<Vec<Shared>>,
}

struct Idle {
    key: Key,
    sender: http1::SendRequest<Outbound>,
    since: Instant,
}

struct Shared {
    key: Key,
    sender: http2::SendRequest<Outbound>,
    streams: Stream,
    used: Instant,
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
        let intent = permit.intent();
        let Self {
            scheme,
            host,
            address,
            route,
            generation,
        } = self;
        (route, generation) == (&permit.route(), &permit.generation())
            && (scheme, host) == (&intent.scheme, &intent.host)
            && permit.addresses().contains(address)
    }
}

impl Pool {
    /// Takes an idle connection of HTTP/1.1 that this permit may use.
    pub(super) fn take_idle(&self, permit: &Permit) -> Option<Lease> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        retain_usable(&mut idle);
        let at = idle.iter().rposition(|idle| idle.key.serves(permit))?;
        let Idle { key, sender, .. } = idle.remove(at);
        Some(Lease {
            key,
            line: Line::Http1(sender),
            stream: None,
        })
    }

    /// Takes part in a connection of HTTP/2 that this permit may use and that has room.
    pub(super) fn take_shared(&self, permit: &Permit) -> Option<Lease> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        shared.retain(|one| one.is_usable(now));
        let room = |one: &&mut Shared| one.open() < limits::ORIGIN_STREAMS;
        let one = shared
            .iter_mut()
            .filter(|one| one.key.serves(permit))
            .find(room)?;
        Some(one.lease())
    }

    /// Keeps an idle connection; the oldest goes where there are too many.
    pub(super) fn put(&self, key: Key, sender: http1::SendRequest<Outbound>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        retain_usable(&mut idle);
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

    /// Keeps a new connection of HTTP/2, and takes part in it. Where there are too many the oldest
    /// is forgotten, and ends with its last stream.
    pub(super) fn share(&self, key: Key, sender: http2::SendRequest<Outbound>) -> Lease {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        shared.retain(|one| one.is_usable(now));
        if shared.len() >= limits::POOL {
            shared.remove(0);
        }
        let mut one = Shared {
            key,
            sender,
            streams: Arc::new(()),
            used: Instant::now(),
        };
        let lease = one.lease();
        shared.push(one);
        lease
    }

    /// Forgets a connection that takes no more requests.
    pub(super) fn forget(&self, stream: &Stream) {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|one| !Arc::ptr_eq(&one.streams, stream));
    }
}

/// Forgets what is closed or too old. The clock is read once: there may be many.
fn retain_usable(idle: &mut Vec<Idle>) {
    let now = Instant::now();
    idle.retain(|one| one.is_usable(now));
}

impl Idle {
    fn is_usable(&self, now: Instant) -> bool {
        !self.sender.is_closed() && now.duration_since(self.since) < limits::POOL_IDLE
    }
}

impl Shared {
    fn lease(&mut self) -> Lease {
        self.used = Instant::now();
        Lease {
            key: self.key.clone(),
            line: Line::Http2(self.sender.clone()),
            stream: Some(Arc::clone(&self.streams)),
        }
    }

    /// The streams that are open: each holds the count once more.
    fn open(&self) -> usize {
        Arc::strong_count(&self.streams).saturating_sub(1)
    }

    fn is_usable(&self, now: Instant) -> bool {
        let idle = self.open() == 0 && now.duration_since(self.used) >= limits::POOL_IDLE;
        !self.sender.is_closed() && !idle
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pool").finish_non_exhaustive()
    }
}
