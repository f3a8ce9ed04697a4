//! Zstandard.

use mzstd::{
    DecodeError, DecodeLimits, DecodeOperation, DecoderConfig, DecoderSessionOwned, DecoderStatus,
    Decompressor,
};

use super::chain::{STEP, Sink};
use crate::dlp::stop::{Stop, Unscannable};
use crate::limits::DLP_ZSTD_WINDOW;

/// Decodes zstd as it passes: frames one after the other.
#[derive(Debug)]
pub(super) struct Zstd {
    session: DecoderSessionOwned,
}

impl Default for Zstd {
    fn default() -> Self {
        let limits = DecodeLimits::DEFAULT
            .with_max_window_log(DLP_ZSTD_WINDOW)
            .unwrap_or(DecodeLimits::DEFAULT);
        let config = DecoderConfig::DEFAULT.with_limits(limits);
        Self {
            session: Decompressor::new(config).into_session(),
        }
    }
}

impl Zstd {
    /// The most memory that the window takes.
    pub(super) const WINDOW: usize = 1 << DLP_ZSTD_WINDOW;

    /// Decodes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        let mut rest = piece;
        let mut out = vec![0; STEP];
        loop {
            let progress = self
                .session
                .process(rest, &mut out, DecodeOperation::Process)
                .map_err(|failure| reason(&failure.error))?;
            if progress.produced > 0 {
                sink(out.get(..progress.produced).unwrap_or_default())?;
            }
            rest = rest.get(progress.consumed..).unwrap_or_default();
            let stands = progress.consumed == 0 && progress.produced == 0;
            match progress.status {
                DecoderStatus::NeedsOutput if !stands => {}
                DecoderStatus::NeedsInput if !rest.is_empty() && !stands => {}
                DecoderStatus::NeedsInput
                | DecoderStatus::NeedsOutput
                | DecoderStatus::Finished => return Ok(()),
            }
        }
    }

    /// Tells whether a frame has just ended.
    pub(super) fn is_whole(&mut self) -> bool {
        let finish = self.session.process(&[], &mut [], DecodeOperation::Finish);
        finish.is_ok_and(|progress| progress.status == DecoderStatus::Finished)
    }
}

fn reason(error: &DecodeError) -> Stop {
    let too_large = matches!(error, DecodeError::WindowLimitExceeded { .. });
    Stop::Unscannable(if too_large {
        Unscannable::Memory("zstd")
    } else {
        Unscannable::Damaged("zstd")
    })
}
