//! The account of one permitted request: bytes both ways, the status, and how it ended.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bottle_contract::audit::{AuditEvent, Finished};
use bottle_contract::dlp::Found;

use http::header::{HeaderMap, HeaderName};

use super::{AuditLog, Counters};
use crate::limits;

/// Lives as long as anything of the request does; when the last holder drops it, the record of
/// its end is written.
#[derive(Debug)]
pub struct Exchange {
    id: u64,
    started: Instant,
    log: Arc<AuditLog>,
    counters: Arc<Counters>,
    /// 0 until an answer came.
    status: AtomicU16,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    error: OnceLock<String>,
    /// The names of the headers in which credentials travel.
    masked: Arc<[HeaderName]>,
    headers: OnceLock<Vec<(String, String)>>,
    found: Mutex<Finds>,
}

/// What was found and did not stop it, each once.
#[derive(Debug, Default)]
struct Finds {
    redacted: Vec<Found>,
    warnings: Vec<Found>,
}

impl Exchange {
    /// Begins the account of a request.
    pub fn begin(
        id: u64,
        log: Arc<AuditLog>,
        counters: Arc<Counters>,
        masked: Arc<[HeaderName]>,
    ) -> Self {
        Self {
            id,
            started: Instant::now(),
            log,
            counters,
            status: AtomicU16::new(0),
            bytes_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            error: OnceLock::new(),
            masked,
            headers: OnceLock::new(),
            found: Mutex::default(),
        }
    }

    /// Notes what was replaced.
    pub fn redacted(&self, found: Found) {
        note(&mut self.found().redacted, found);
    }

    /// Notes what was found and stops nothing.
    pub fn warned(&self, found: Found) {
        note(&mut self.found().warnings, found);
    }

    fn found(&self) -> MutexGuard<'_, Finds> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the origin's status and headers.
    pub fn answered(&self, status: u16, headers: &HeaderMap) {
        self.status.store(status, Ordering::Relaxed);
        self.headers
            .get_or_init(|| self.log.headers(headers, &self.masked));
    }

    /// Returns the names of the headers in which credentials travel.
    pub fn credentials(&self) -> &[HeaderName] {
        &self.masked
    }

    /// Counts bytes of the request's body.
    pub fn sent(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.counters.sent(bytes);
    }

    /// Counts bytes of the response's body.
    pub fn received(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        self.counters.received(bytes);
    }

    /// Notes why it broke off; the first reason stays.
    pub fn broke(&self, why: &str) {
        self.error.get_or_init(|| why.to_owned());
    }

    fn finished(&self) -> Finished {
        let status = match self.status.load(Ordering::Relaxed) {
            0 => None,
            status => Some(status),
        };
        let Finds { redacted, warnings } = std::mem::take(&mut *self.found());
        let unanswered = status.is_none().then_some("the agent went away");
        Finished {
            id: self.id,
            status,
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            millis: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            error: self
                .error
                .get()
                .cloned()
                .or_else(|| unanswered.map(str::to_owned)),
            redacted,
            warnings,
            headers: self.headers.get().cloned().unwrap_or_default(),
        }
    }
}

fn note(list: &mut Vec<Found>, found: Found) {
    if list.len() < limits::AUDIT_FINDS && !list.contains(&found) {
        list.push(found);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Nobody is left to tell when this fails; the next decision meets the same log and denies.
        drop(self.log.write_later(&AuditEvent::Finished(self.finished())));
    }
}
