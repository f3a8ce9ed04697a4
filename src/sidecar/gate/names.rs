//! Names become addresses here, and only after the policy allowed the name.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bottle_contract::address::AddressClass;
use bottle_contract::verdict::Reason;
use lru::LruCache;
use tokio::time::{Instant, timeout};

use crate::limits;

/// Asks for the addresses of a name.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Returns the addresses of a name. Called only for names that the policy allows.
    fn resolve(&self, name: &str) -> LookUp;
}

/// A look-up under way.
pub type LookUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Why a name leads nowhere.
#[derive(Debug)]
pub(super) struct NoAddress {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// Addresses that were checked, kept for a short time.
pub(super) struct Names {
    resolver: Arc<dyn Resolve>,
    kept: Mutex<LruCache<String, Kept>>,
}

struct Kept {
    since: Instant,
    addresses: Vec<IpAddr>,
}

impl Names {
    pub(super) fn new(resolver: Arc<dyn Resolve>) -> Self {
        let capacity = NonZeroUsize::new(limits::NAMES).unwrap_or(NonZeroUsize::MIN);
        Self {
            resolver,
            kept: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// Returns public addresses of a name, or why there are none. One address that is not public
    /// condemns the whole answer: a name that mixes them is a mistake or an attack.
    pub(super) async fn addresses(
        &self,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, NoAddress> {
        let addresses = match self.kept(name) {
            Some(addresses) => addresses,
            None => Box::pin(self.ask(name)).await?,
        };
        Ok(addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    fn kept(&self, name: &str) -> Option<Vec<IpAddr>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name)
            .filter(|entry| entry.since.elapsed() < limits::NAME_AGE)
            .map(|entry| entry.addresses.clone())
    }

    async fn ask(&self, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let unresolved = |detail: String| NoAddress {
            reason: Reason::Unresolved,
            detail,
        };
        let mut addresses = timeout(limits::RESOLVE, self.resolver.resolve(name))
            .await
            .map_err(|_| {
                let seconds = limits::RESOLVE.as_secs();
                unresolved(format!("no answer for `{name}` within {seconds} seconds"))
            })?
            .map_err(|err| unresolved(format!("resolve `{name}`: {err}")))?;
        if addresses.is_empty() {
            return Err(unresolved(format!("`{name}` has no address")));
        }
        for address in &addresses {
            public(*address).map_err(|refused| NoAddress {
                detail: format!("`{name}` resolves to {}", refused.detail),
                ..refused
            })?;
        }
        addresses.truncate(limits::ADDRESSES);
        let entry = Kept {
            since: Instant::now(),
            addresses: addresses.clone(),
        };
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(name.to_owned(), entry);
        Ok(addresses)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Names")
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

/// Accepts a public address only.
pub(super) fn public(address: IpAddr) -> Result<(), NoAddress> {
    let class = AddressClass::of(address);
    if class == AddressClass::Public {
        return Ok(());
    }
    Err(NoAddress {
        reason: Reason::Address(class),
        detail: format!("{address}, a {class} address"),
    })
}
