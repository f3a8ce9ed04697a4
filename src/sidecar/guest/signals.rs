//! Signals that were caught, for a loop that waits for them in the kernel.

use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level::pipe;

/// The caught signals: a byte arrives for each.
pub(crate) struct Signals {
    bytes: UnixStream,
    flags: Vec<(Signal, Arc<AtomicBool>)>,
}

impl Signals {
    /// Catches these, and is woken up by the end of a child as well.
    pub(crate) fn catch(wanted: &[Signal]) -> io::Result<Self> {
        let (bytes, sender) = UnixStream::pair()?;
        let mut flags = Vec::new();
        for signal in wanted {
            let flag = Arc::new(AtomicBool::new(false));
            // First the flag, then the byte: whoever reads the byte must see the flag.
            signal_hook::flag::register(signal.as_raw(), Arc::clone(&flag))?;
            pipe::register(signal.as_raw(), sender.try_clone()?)?;
            flags.push((*signal, flag));
        }
        pipe::register(SIGCHLD, sender)?;
        Ok(Self { bytes, flags })
    }

    /// Returns those that came since it was last asked.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = Signal> {
        self.flags
            .iter()
            .filter(|(_, flag)| flag.swap(false, Ordering::SeqCst))
            .map(|(signal, _)| *signal)
    }

    /// Waits for a signal, or for the patience that was set.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        match self.bytes.read(&mut [0; 64]) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sets how long one wait may take.
    pub(crate) fn be_patient_for(&self, time: Duration) -> io::Result<()> {
        self.bytes.set_read_timeout(Some(time))
    }
}

/// For a loop that waits for something else beside signals.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bytes.as_fd()
    }
}
