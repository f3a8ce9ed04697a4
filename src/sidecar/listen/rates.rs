//! How often an agent may ask one host: far more often than any program that does something.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bottle_contract::host::Host;
use lru::LruCache;
use tokio::time::Instant;

use crate::limits;

/// What each host was asked of late.
pub struct Rates {
    hosts: Mutex<LruCache<Host, Asked>>,
}

/// What one host was asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// When all that was asked would be over, at the rate that may go on for ever.
    over: Instant,
    burst: Burst,
}

/// Whether the last request was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Burst {
    None,
    Refused,
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    /// It may go on.
    Fine,
    /// It is the first one too many.
    Begins,
    /// It is one of many too many, and the log has the first.
    GoesOn,
}

impl Rates {
    /// Counts a request for a host.
    pub(super) fn count(&self, host: &Host) -> Rate {
        self.count_at(host, Instant::now())
    }

    fn count_at(&self, host: &Host, now: Instant) -> Rate {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asked) = hosts.get_mut(host) else {
            let asked = Asked {
                over: now,
                burst: Burst::None,
            };
            hosts.put(host.clone(), asked);
            return Rate::Fine;
        };
        let each = Duration::from_secs(1) / limits::HOST_RATE;
        let over = asked.over.max(now) + each;
        let before = asked.burst;
        if over - now <= each * limits::HOST_BURST {
            *asked = Asked {
                over,
                burst: Burst::None,
            };
            return Rate::Fine;
        }
        asked.burst = Burst::Refused;
        match before {
            Burst::None => Rate::Begins,
            Burst::Refused => Rate::GoesOn,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        let capacity = NonZeroUsize::new(limits::NAMES).unwrap_or(NonZeroUsize::MIN);
        Self {
            hosts: Mutex::new(LruCache::new(capacity)),
        }
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Rates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_refused_once_it_is_long_and_told_once() {
        let rates = Rates::default();
        let host: Host = "api.test".parse().unwrap();
        let now = Instant::now();
        for _ in 0..limits::HOST_BURST {
            assert_eq!(rates.count_at(&host, now), Rate::Fine);
        }
        assert_eq!(rates.count_at(&host, now), Rate::Fine);
        assert_eq!(rates.count_at(&host, now), Rate::Begins);
        assert_eq!(rates.count_at(&host, now), Rate::GoesOn);
        let other: Host = "other.test".parse().unwrap();
        assert_eq!(rates.count_at(&other, now), Rate::Fine);
        // What time gives back may be used, and the next burst is told again.
        let later = now + Duration::from_secs(1);
        for _ in 0..limits::HOST_RATE {
            assert_eq!(rates.count_at(&host, later), Rate::Fine);
        }
        assert_eq!(rates.count_at(&host, later), Rate::Begins);
        assert_eq!(rates.count_at(&host, later), Rate::GoesOn);
    }

    #[test]
    fn a_steady_pace_is_never_refused() {
        let rates = Rates::default();
        let host: Host = "api.test".parse().unwrap();
        let begin = Instant::now();
        for number in 0..4 * limits::HOST_BURST {
            let now = begin + number * Duration::from_secs(1) / limits::HOST_RATE;
            assert_eq!(rates.count_at(&host, now), Rate::Fine);
        }
    }
}
