//! A second, strict look at each request head, before hyper's.
//!
//! hyper takes what it can make sense of: bare line feeds, equal lengths twice, a length beside
//! chunks. Where two readers could disagree about where a request ends, the agent must be refused
//! and the log must say so. So every byte that hyper reads passes [`Strict`] first, and a request
//! that hyper hands on without a head that was found sound here is refused.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Fault, Head, Scanner};

/// A stream whose request heads are looked at as they are read.
#[derive(Debug)]
pub(super) struct Strict<S> {
    inner: S,
    scanner: Scanner,
    heads: Heads,
}

/// The heads that were read and not yet served, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    found: Arc<Mutex<VecDeque<Result<Head, Fault>>>>,
    over: Arc<AtomicBool>,
}

impl<S> Strict<S> {
    pub(super) fn new(inner: S, heads: Heads) -> Self {
        Self {
            inner,
            scanner: Scanner::default(),
            heads,
        }
    }
}

impl Heads {
    /// Takes the next head. hyper reads no further than its buffer, so there are never many.
    pub(super) fn next(&self) -> Option<Result<Head, Fault>> {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Says that what follows is no HTTP any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn extend(&self, found: Vec<Result<Head, Fault>>) {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(found);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        if this.heads.over.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let found = this
            .scanner
            .read(buf.filled().get(before..).unwrap_or_default());
        if !found.is_empty() {
            this.heads.extend(found);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
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
