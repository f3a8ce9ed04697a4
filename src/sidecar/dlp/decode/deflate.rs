//! Deflate, with zlib's frame and without.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::chain::{STEP, Sink};
use crate::dlp::stop::{Stop, Unscannable};

/// Decodes deflate as it passes.
pub(super) struct Inflate {
    decompress: Decompress,
    name: &'static str,
    ended: bool,
}

impl Inflate {
    /// Begins a stream, inside of zlib's frame or not.
    pub(super) fn new(frame: Frame, name: &'static str) -> Self {
        Self {
            decompress: Decompress::new(frame == Frame::Zlib),
            name,
            ended: false,
        }
    }

    /// Tells whether the stream has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Decodes, and returns what is left of the piece when the stream ends in it.
    pub(super) fn push<'p>(
        &mut self,
        piece: &'p [u8],
        sink: &mut Sink<'_>,
    ) -> Result<&'p [u8], Stop> {
        let damaged = Stop::Unscannable(Unscannable::Damaged(self.name));
        let mut rest = piece;
        let mut out = vec![0; STEP];
        while !self.ended {
            let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(rest, &mut out, FlushDecompress::None)
                .map_err(|_| damaged.clone())?;
            let taken = usize::try_from(self.decompress.total_in() - before_in);
            let given = usize::try_from(self.decompress.total_out() - before_out);
            let (taken, given) = (taken.unwrap_or(rest.len()), given.unwrap_or_default());
            rest = rest.get(taken..).unwrap_or_default();
            if given > 0 {
                sink(out.get(..given).unwrap_or_default())?;
            }
            self.ended = matches!(status, Status::StreamEnd);
            if taken == 0 && given == 0 {
                break;
            }
        }
        Ok(rest)
    }
}

/// What stands around deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The header and the check sum of zlib.
    Zlib,
    /// Nothing, or what the caller reads.
    None,
}

/// The content encoding `deflate`: with zlib's frame, as its RFC has it, or without, as some write it.
#[derive(Debug, Default)]
pub(super) struct Deflate {
    /// The first byte, until the second one says which of them it is.
    first: Vec<u8>,
    inflate: Option<Inflate>,
}

impl Deflate {
    /// Decodes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        let joined;
        let mut piece = piece;
        if self.inflate.is_none() {
            self.first.extend_from_slice(piece);
            let [first, second, ..] = self.first.as_slice() else {
                return Ok(());
            };
            let header = u32::from(*first) << 8 | u32::from(*second);
            let zlib = first & 15 == 8 && first >> 4 <= 7 && header.is_multiple_of(31);
            let frame = if zlib { Frame::Zlib } else { Frame::None };
            self.inflate = Some(Inflate::new(frame, "deflate"));
            joined = std::mem::take(&mut self.first);
            piece = &joined;
        }
        let Some(inflate) = &mut self.inflate else {
            return Ok(());
        };
        match inflate.push(piece, sink)? {
            [] => Ok(()),
            [..] => Err(Stop::Unscannable(Unscannable::Damaged("deflate"))),
        }
    }

    /// Tells whether the stream has ended.
    pub(super) fn is_whole(&self) -> bool {
        self.inflate.as_ref().is_some_and(Inflate::has_ended)
    }
}

impl fmt::Debug for Inflate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Inflate({})", self.name)
    }
}
