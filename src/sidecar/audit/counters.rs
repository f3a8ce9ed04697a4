//! What the sidecar counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bottle_contract::audit::Outcome;
use bottle_contract::control::Stats;

/// The counters since the sidecar was configured.
#[derive(Debug, Default)]
pub struct Counters {
    allowed: AtomicU64,
    denied: AtomicU64,
    connections: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
}

/// One open connection of the agent; counted until it is dropped.
#[derive(Debug)]
pub struct Connection(Arc<Counters>);

impl Counters {
    /// Counts a decision.
    pub fn decided(&self, outcome: Outcome) {
        match outcome {
            Outcome::Allow => &self.allowed,
            Outcome::Deny => &self.denied,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes of a request's body.
    pub fn sent(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes of a response's body.
    pub fn received(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a connection for as long as the result lives.
    pub fn connected(self: &Arc<Self>) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::clone(self))
    }

    /// Returns the counters as the control channel shows them.
    pub fn stats(&self) -> Stats {
        Stats {
            allowed: self.allowed.load(Ordering::Relaxed),
            denied: self.denied.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
