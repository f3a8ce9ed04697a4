//! The signals that ask bottle to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::backends::Interrupted;
use crate::error::{Error, Result};

/// Notes the first of Ctrl-C, `SIGTERM` and `SIGHUP`, instead of dying of it with a bottle half made.
#[derive(Clone, Debug)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Begins to note signals, for as long as the process lives.
    pub fn watch() -> Result<Self> {
        Self::register()
            .context("could not watch for signals")
            .map_err(Error::internal)
    }

    fn register() -> io::Result<Self> {
        let noted = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&noted), number)?;
        }
        Ok(Self(noted))
    }

    /// Returns the signal that came last, if one came.
    pub fn noted(&self) -> Option<Interrupted> {
        match i32::try_from(self.0.load(Ordering::Acquire)) {
            Ok(0) | Err(_) => None,
            Ok(signal) => Some(Interrupted(signal)),
        }
    }

    /// Fails when a signal has come.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.noted().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_noted_and_does_not_kill() {
        let signals = Signals::watch().unwrap();
        assert_eq!(signals.noted(), None);
        signal_hook::low_level::raise(SIGHUP).unwrap();
        assert_eq!(signals.check(), Err(Interrupted(SIGHUP)));
    }
}
