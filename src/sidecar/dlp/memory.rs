//! The memory that all decoders of a bottle share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much is left.
#[derive(Debug)]
pub(super) struct Memory(AtomicUsize);

/// A part of the memory, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Memory {
    /// So many bytes, for all together.
    pub(super) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Takes a part, if so much is left.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let less = |left: usize| left.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .ok()?;
        Some(Share {
            memory: Arc::clone(self),
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let memory = Arc::new(Memory::new(10));
        let first = memory.take(7);
        assert!(first.is_some() && memory.take(4).is_none());
        drop(first);
        assert!(memory.take(10).is_some());
    }
}
