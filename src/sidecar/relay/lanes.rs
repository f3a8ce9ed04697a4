//! Who may dial: where connections are shared, a burst of requests opens one and not one each.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bottle_contract::host::Host;
use lru::LruCache;
use tokio::time::Instant;

use super::failure::Failure;
use crate::gate::Permit;
use crate::limits;

/// The ways to origins that were dialled of late.
pub(super) struct Lanes {
    lanes: Mutex<LruCache<Way, Arc<Lane>>>,
}

/// The way to one origin on one route.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Held by the one that dials, with the last failure.
    pub(super) turn: tokio::sync::Mutex<LastFailure>,
    /// Whether the origin's connections cannot be shared, so that nobody needs to wait for another.
    http1: AtomicBool,
}

/// Why dialling failed the last time, for those who waited for it.
#[derive(Debug, Default)]
pub(super) struct LastFailure(Option<(Instant, Failure)>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Way {
    host: Host,
    port: u16,
    route: usize,
    generation: u64,
}

impl Lanes {
    /// Returns the lane that this permit's request takes.
    pub(super) fn of(&self, permit: &Permit) -> Arc<Lane> {
        let way = Way {
            host: permit.intent().host.clone(),
            port: permit.intent().port,
            route: permit.route(),
            generation: permit.generation(),
        };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.get_or_insert(way, Arc::default))
    }
}

impl Lane {
    /// Tells whether the origin was last found to speak HTTP/1.1 only.
    pub(super) fn is_http1(&self) -> bool {
        self.http1.load(Ordering::Relaxed)
    }

    /// Notes what the origin was found to speak.
    pub(super) fn found_http1(&self, http1: bool) {
        self.http1.store(http1, Ordering::Relaxed);
    }
}

impl LastFailure {
    /// Returns the failure of somebody who was waited for since then.
    pub(super) fn since(&self, asked: Instant) -> Option<Failure> {
        let (when, failure) = self.0.as_ref()?;
        (*when >= asked).then(|| failure.clone())
    }

    pub(super) fn set(&mut self, failure: &Failure) {
        self.0 = Some((Instant::now(), failure.clone()));
    }
}

impl Default for Lanes {
    fn default() -> Self {
        let capacity = NonZeroUsize::new(limits::NAMES).unwrap_or(NonZeroUsize::MIN);
        Self {
            lanes: Mutex::new(LruCache::new(capacity)),
        }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lanes").finish_non_exhaustive()
    }
}
