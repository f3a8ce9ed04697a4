//! Brotli.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::chain::{STEP, Sink};
use crate::dlp::stop::{Stop, Unscannable};
use crate::limits::DLP_BROTLI_WINDOW;

/// Decodes brotli as it passes.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    begun: bool,
    ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            begun: false,
            ended: false,
        }
    }
}

impl Brotli {
    /// The most memory that the window takes.
    pub(super) const WINDOW: usize = 1 << DLP_BROTLI_WINDOW;

    /// Decodes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        let Some(first) = piece.first() else {
            return Ok(());
        };
        if !self.begun && window(*first) > DLP_BROTLI_WINDOW {
            return Err(Stop::Unscannable(Unscannable::Memory("br")));
        }
        self.begun = true;
        let damaged = Stop::Unscannable(Unscannable::Damaged("br"));
        if self.ended {
            return Err(damaged);
        }
        let mut out = vec![0; STEP];
        let (mut left, mut at) = (piece.len(), 0);
        loop {
            let (mut room, mut given, mut total) = (out.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                piece,
                &mut room,
                &mut given,
                &mut out,
                &mut total,
                &mut self.state,
            );
            if given > 0 {
                sink(out.get(..given).unwrap_or_default())?;
            }
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess if left == 0 => {
                    self.ended = true;
                    return Ok(());
                }
                BrotliResult::ResultSuccess | BrotliResult::ResultFailure => return Err(damaged),
            }
        }
    }

    /// Tells whether the stream has ended.
    pub(super) fn is_whole(&self) -> bool {
        self.ended
    }
}

/// Reads the size of the window from the first byte, as a power of two (RFC 7932, section 9.1).
fn window(first: u8) -> u32 {
    let (low, high) = (u32::from(first >> 1 & 7), u32::from(first >> 4 & 7));
    match (first & 1, low, high) {
        (0, _, _) => 16,
        (_, 0, 0) => 17,
        // Not of the RFC: windows that are larger than any of it.
        (_, 0, 1) => 30,
        (_, 0, high) => 8 + high,
        (_, low, _) => 17 + low,
    }
}

impl fmt::Debug for Brotli {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Brotli")
    }
}
