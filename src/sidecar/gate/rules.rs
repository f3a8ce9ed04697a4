//! The rules in force: the manifest's routes, their credentials, and what was changed since.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bottle_contract::dlp::Dlp;
use bottle_contract::host::{Host, HostPattern};
use bottle_contract::intent::Intent;
use bottle_contract::live::{Change, LiveChange, withdrawn, withdraws};
use bottle_contract::policy::{Policy, Route};
use bottle_contract::secret::Secret;
use bottle_contract::verdict::{Denial, Reason, Verdict};
use http::header::HeaderName;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::credential::{Credential, credentials};
use super::scan::{BadScan, Scan};
use crate::limits;

/// The rules at one time; every change makes new ones.
#[derive(Debug)]
pub(super) struct Rules {
    /// What the manifest says.
    manifest: Policy,
    /// The same with the routes that were added, which come last.
    policy: Policy,
    /// Those of the manifest's routes; the others have none.
    credentials: Vec<Option<Credential>>,
    /// The names of the headers in which those travel.
    masked: Arc<[HeaderName]>,
    /// What secrets on their way out are found by.
    scan: Arc<Scan>,
    /// What that was made from, beside the secrets.
    dlp: Arc<Dlp>,
    live: Vec<Live>,
    generation: u64,
    soonest: Option<Instant>,
}

/// What does not change while a bottle runs, but for a reload.
struct Fixed {
    manifest: Policy,
    credentials: Vec<Option<Credential>>,
    scan: Arc<Scan>,
    dlp: Arc<Dlp>,
}

/// A change that is in force, and its end as this process's clock has it.
#[derive(Clone, Debug)]
pub(super) struct Live {
    shown: LiveChange,
    ends: Option<Instant>,
}

/// Why the rules stay as they are.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// A credential or a rule cannot be used.
    #[error(transparent)]
    Scan(#[from] BadScan),
    /// The log cannot be written.
    #[error("write to the audit log: {0}")]
    Log(#[from] io::Error),
    /// The change cannot be made.
    #[error("{0}")]
    Change(&'static str),
}

impl Live {
    /// Makes a change that lasts so many seconds from now, or as long as the bottle.
    pub(super) fn new(
        change: Change,
        seconds: Option<u64>,
        by: String,
    ) -> Result<Self, ReloadError> {
        sound(&change)?;
        let mut ends = None;
        let mut shown = None;
        if let Some(seconds) = seconds {
            let length = Duration::from_secs(seconds);
            if length.is_zero() || length > limits::LIVE_LIFE {
                return Err(ReloadError::Change("a change lasts 1 second to 30 days"));
            }
            ends = Instant::now().checked_add(length);
            let from_now = SignedDuration::try_from(length).ok();
            let end = from_now.and_then(|length| Timestamp::now().checked_add(length).ok());
            shown = end.map(|end| format!("{end:.3}"));
        }
        let shown = LiveChange {
            change,
            by,
            ends: shown,
        };
        Ok(Self { shown, ends })
    }

    pub(super) fn shown(&self) -> &LiveChange {
        &self.shown
    }

    fn is_over(&self, now: Instant) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }
}

/// What comes over the control channel is looked at once more: it could grant what only a manifest may.
fn sound(change: &Change) -> Result<(), ReloadError> {
    match change {
        Change::Allow { route } if route.auth.is_some() => Err(ReloadError::Change(
            "a route that is added while the bottle runs has no credential",
        )),
        Change::Allow { route } if route.address.is_some() => Err(ReloadError::Change(
            "a route that is added while the bottle runs pins no address",
        )),
        Change::Allow { route } if !route.dlp.is_default() => Err(ReloadError::Change(
            "a route that is added while the bottle runs is scanned as the manifest says",
        )),
        Change::Allow { route } if route.ports.is_empty() => {
            Err(ReloadError::Change("a route names at least one port"))
        }
        Change::Allow { .. } | Change::Deny { .. } => Ok(()),
    }
}

impl Rules {
    /// Makes the rules of a manifest.
    pub(super) fn new(
        manifest: Policy,
        secrets: &BTreeMap<String, Secret>,
        dlp: Arc<Dlp>,
    ) -> Result<Self, BadScan> {
        let fixed = Fixed {
            credentials: credentials(&manifest, secrets)?,
            scan: Arc::new(Scan::new(&dlp, secrets)?),
            manifest,
            dlp,
        };
        Ok(Self::made(fixed, Vec::new(), 0))
    }

    fn made(fixed: Fixed, live: Vec<Live>, generation: u64) -> Self {
        let Fixed {
            manifest,
            credentials,
            scan,
            dlp,
        } = fixed;
        let added = live.iter().filter_map(|live| match &live.shown.change {
            Change::Allow { route } => Some(Route {
                address: pin(&manifest, &route.host),
                ..route.clone()
            }),
            Change::Deny { .. } => None,
        });
        let routes = manifest.routes.iter().cloned().chain(added).collect();
        Self {
            policy: Policy { routes },
            soonest: live.iter().filter_map(|live| live.ends).min(),
            manifest,
            masked: credentials
                .iter()
                .flatten()
                .map(|credential| credential.name().clone())
                .collect(),
            credentials,
            scan,
            dlp,
            live,
            generation,
        }
    }

    /// Makes the rules of another manifest; what was changed by hand stays.
    pub(super) fn reloaded(
        &self,
        manifest: Policy,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Self, BadScan> {
        let new = Self::new(manifest, secrets, Arc::clone(&self.dlp))?;
        let generation = self.generation.saturating_add(1);
        Ok(Self::made(new.fixed(), self.live.clone(), generation))
    }

    fn fixed(&self) -> Fixed {
        Fixed {
            manifest: self.manifest.clone(),
            credentials: self.credentials.clone(),
            scan: Arc::clone(&self.scan),
            dlp: Arc::clone(&self.dlp),
        }
    }

    /// Makes the rules with one more change, which stands for those that it replaces.
    pub(super) fn changed(&self, new: Live) -> Result<Self, ReloadError> {
        // What ends by itself must give way to what was there before.
        let replaces = |earlier: &Live| {
            new.ends.is_none() && new.shown.change.replaces(&earlier.shown.change)
                || earlier.ends.is_some() && new.shown.change == earlier.shown.change
        };
        let mut live: Vec<Live> = self
            .live
            .iter()
            .filter(|earlier| !replaces(earlier))
            .cloned()
            .collect();
        if live.len() >= limits::LIVE_CHANGES {
            return Err(ReloadError::Change(
                "there are 256 changes already, which is the most",
            ));
        }
        live.push(new);
        Ok(self.with(live))
    }

    /// Makes the rules without what is over by now, and says what that was; `None` where nothing is.
    pub(super) fn expired(&self, now: Instant) -> Option<(Self, Vec<LiveChange>)> {
        let (over, live): (Vec<Live>, Vec<Live>) = self
            .live
            .iter()
            .cloned()
            .partition(|live| live.is_over(now));
        let over: Vec<LiveChange> = over.into_iter().map(|live| live.shown).collect();
        (!over.is_empty()).then(|| (self.with(live), over))
    }

    fn with(&self, live: Vec<Live>) -> Self {
        Self::made(self.fixed(), live, self.generation.saturating_add(1))
    }

    /// Decides about a request.
    pub(super) fn decide(&self, intent: &Intent) -> Verdict {
        if withdrawn(self.changes(), intent) {
            return Verdict::Deny(WITHDRAWN);
        }
        self.policy.decide(intent)
    }

    /// Decides about a CONNECT.
    pub(super) fn names(&self, host: &Host, port: u16) -> Verdict {
        if withdraws(self.changes(), host, port) {
            return Verdict::Deny(WITHDRAWN);
        }
        self.policy.names(host, port)
    }

    fn changes(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.live.iter().map(|live| &live.shown.change)
    }

    pub(super) fn manifest(&self) -> &Policy {
        &self.manifest
    }

    pub(super) fn live(&self) -> Vec<LiveChange> {
        self.live.iter().map(|live| live.shown.clone()).collect()
    }

    pub(super) fn route(&self, index: usize) -> Option<&Route> {
        self.policy.routes.get(index)
    }

    pub(super) fn credential(&self, index: usize) -> Option<&Credential> {
        self.credentials.get(index)?.as_ref()
    }

    pub(super) fn dlp(&self) -> &Dlp {
        &self.dlp
    }

    pub(super) fn scan(&self) -> &Arc<Scan> {
        &self.scan
    }

    /// Returns the names of the headers in which credentials travel.
    pub(super) fn masked(&self) -> &Arc<[HeaderName]> {
        &self.masked
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns when the first of the changes ends.
    pub(super) fn soonest(&self) -> Option<Instant> {
        self.soonest
    }
}

/// A name that the manifest pins is the same place in every route: nobody is asked for it.
fn pin(manifest: &Policy, host: &HostPattern) -> Option<IpAddr> {
    let same = |route: &&Route| route.host == *host;
    manifest.routes.iter().find(same)?.address
}

/// No route is near: none would help.
const WITHDRAWN: Denial = Denial {
    reason: Reason::Withdrawn,
    route: None,
};
