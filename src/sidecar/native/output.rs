//! What a detached agent prints, on its way into a file of the host's that the agent cannot touch.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};

use super::limits::{COPY_BUFFER, LOG_BYTES};

/// The reading end of the agent's output, and the file that it goes to.
pub(super) struct Output {
    from: Option<PipeReader>,
    to: File,
    left: u64,
}

impl Output {
    /// Copies from a pipe to a file.
    pub(super) fn new(from: PipeReader, to: File) -> Self {
        Self {
            from: Some(from),
            to,
            left: LOG_BYTES,
        }
    }

    /// Returns the pipe, as long as somebody may write into it.
    pub(super) fn pipe(&self) -> Option<&PipeReader> {
        self.from.as_ref()
    }

    /// Copies what is there; to be called when there is something.
    pub(super) fn copy(&mut self) -> io::Result<()> {
        let Some(from) = &mut self.from else {
            return Ok(());
        };
        let mut buffer = vec![0; COPY_BUFFER];
        let length = from.read(&mut buffer)?;
        if length == 0 {
            self.from = None;
            return Ok(());
        }
        let read = buffer.get(..length).unwrap_or_default();
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(length);
        self.to.write_all(read.get(..kept).unwrap_or_default())?;
        self.left -= u64::try_from(kept).unwrap_or(self.left);
        Ok(())
    }
}
