//! A count of HTTP/2's frames that cost more than they bring, before the library reads them.
//!
//! A stream that is opened and reset at once is never more than one open stream, so that no limit
//! on streams stops an agent that does nothing else; nor does one stop settings, pings and frames
//! without content. So every byte that the library reads passes [`Counted`] first, and a connection
//! with too many of these in a short time ends.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::limits;

/// What a client sends before its first frame (RFC 9113, section 3.4).
const PREFACE_BYTES: u64 = 24;

/// The header of a frame: three bytes of length, the type, the flags, four bytes for the stream.
const HEADER_BYTES: usize = 9;

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Resets,
    Settings,
    Others,
}

/// Where the reason stands when a connection was ended.
pub(super) type Flood = Arc<OnceLock<Excess>>;

/// A stream whose frames are counted as they are read.
#[derive(Debug)]
pub(super) struct Counted<S> {
    inner: S,
    frames: Frames,
    flood: Flood,
}

#[derive(Debug)]
struct Frames {
    /// What is left of the preface or of a payload.
    skip: u64,
    header: Vec<u8>,
    since: Instant,
    resets: u32,
    settings: u32,
    others: u32,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, flood: Flood) -> Self {
        Self {
            inner,
            frames: Frames::new(),
            flood,
        }
    }
}

impl Frames {
    fn new() -> Self {
        Self {
            skip: PREFACE_BYTES,
            header: Vec::with_capacity(HEADER_BYTES),
            since: Instant::now(),
            resets: 0,
            settings: 0,
            others: 0,
        }
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        loop {
            let here = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            bytes = bytes.get(here..).unwrap_or_default();
            self.skip -= here as u64;
            let wanted = HEADER_BYTES - self.header.len();
            let (part, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            self.header.extend_from_slice(part);
            bytes = rest;
            let [a, b, c, kind, _flags, ..] = *self.header.as_slice() else {
                return Ok(());
            };
            if self.header.len() < HEADER_BYTES {
                return Ok(());
            }
            self.header.clear();
            self.skip = u64::from(u32::from_be_bytes([0, a, b, c]));
            self.count(kind)?;
        }
    }

    /// Counts a frame by its type (RFC 9113, section 6).
    fn count(&mut self, kind: u8) -> Result<(), Excess> {
        let (count, most, excess) = match kind {
            0x3 => (&mut self.resets, limits::FLOOD_RESETS, Excess::Resets),
            0x4 => (&mut self.settings, limits::FLOOD_SETTINGS, Excess::Settings),
            // Data without content; priorities and pings; continuations, and what nobody knows.
            0x0 if self.skip > 0 => return Ok(()),
            0x0 | 0x2 | 0x6 | 0x9.. => (&mut self.others, limits::FLOOD_OTHERS, Excess::Others),
            // Headers and windows are what requests and bodies need.
            0x1 | 0x5 | 0x7 | 0x8 => return Ok(()),
        };
        *count += 1;
        if *count <= most {
            return Ok(());
        }
        if self.since.elapsed() < limits::FLOOD_SPAN {
            return Err(excess);
        }
        *self = Self {
            header: std::mem::take(&mut self.header),
            skip: self.skip,
            ..Self::new()
        };
        Ok(())
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Resets => "resets too many streams",
            Self::Settings => "sends too many settings",
            Self::Others => "sends too many frames without content",
        };
        let seconds = limits::FLOOD_SPAN.as_secs();
        write!(out, "the agent {what} of HTTP/2 in {seconds} seconds")
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(
            this.frames
                .read(read)
                .map_err(|excess| io::Error::other(this.flood.get_or_init(|| excess).to_string())),
        )
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, payload: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, payload, kind, 0, 0, 0, 0, 1];
        frame.extend(vec![0; usize::from(payload)]);
        frame
    }

    fn started() -> Frames {
        let mut frames = Frames::new();
        frames.read(PREFACE).unwrap();
        frames
    }

    /// The limit is kept, and the next frame is one too many.
    fn check(frame: &[u8], most: u32, expected: Result<(), Excess>) {
        let mut frames = started();
        assert_eq!(frames.read(&frame.repeat(most as usize)), Ok(()));
        // In pieces, as a network may bring it.
        let (first, second) = frame.split_at(5);
        assert_eq!(frames.read(first), Ok(()));
        assert_eq!(frames.read(second), expected, "{frame:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_only_cost_have_a_bound() {
        check(&frame(3, 4), limits::FLOOD_RESETS, Err(Excess::Resets));
        check(&frame(4, 6), limits::FLOOD_SETTINGS, Err(Excess::Settings));
        for (kind, payload) in [(0, 0), (2, 5), (6, 8), (9, 0), (77, 1)] {
            check(
                &frame(kind, payload),
                limits::FLOOD_OTHERS,
                Err(Excess::Others),
            );
        }
        // Headers, data and windows carry requests, as many as there are.
        for (kind, payload) in [(1, 20), (0, 1), (8, 4)] {
            check(&frame(kind, payload), 2 * limits::FLOOD_OTHERS, Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_count_begins_anew() {
        let mut frames = started();
        for _ in 0..10 {
            let resets = frame(3, 4).repeat(limits::FLOOD_RESETS as usize);
            assert_eq!(frames.read(&resets), Ok(()));
            advance(limits::FLOOD_SPAN).await;
        }
    }
}
