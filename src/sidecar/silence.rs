//! A stream that ends when nothing moves on it for too long, in either direction.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A stream with a bound on its silence. A stream that is alive is never cut, however long it lives.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    inner: S,
    limit: Duration,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// A bound on the time between two parts of something that may take for ever. It costs no timer
/// while one part follows the other.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    moved: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Waits for the first part from now on.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            moved: Instant::now(),
            alarm: None,
        }
    }

    /// Notes that a part has come.
    pub(crate) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Is ready once nothing has come for too long. Called while nothing comes.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(self.moved + self.limit)));
        loop {
            ready!(alarm.as_mut().poll(cx));
            let end = self.moved + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(end);
        }
    }
}

impl<S> Bounded<S> {
    /// Bounds the silence of a stream.
    pub(crate) fn new(inner: S, limit: Duration) -> Self {
        let moved = Instant::now();
        Self {
            inner,
            limit,
            moved,
            alarm: Box::pin(sleep_until(moved + limit)),
        }
    }

    /// Notes a success, or looks at the clock while there is none. The alarm is set anew only when
    /// it rings, so that a busy stream costs no timer.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.moved = Instant::now();
            return poll;
        }
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let end = self.moved + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("nothing moved for {} seconds", self.limit.as_secs()),
                )));
            }
            self.alarm.as_mut().reset(end);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_read(cx, buf);
        this.watch(cx, poll)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.watch(cx, poll)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_flush(cx);
        // A flush that has nothing to do is no movement.
        if poll.is_ready() {
            poll
        } else {
            this.watch(cx, poll)
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.watch(cx, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_stream() {
        let (near, _far) = duplex(64);
        let mut near = Bounded::new(near, LIMIT);
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_moves_lives_on() {
        let (near, mut far) = duplex(64);
        let mut near = Bounded::new(near, LIMIT);
        for _ in 0..10 {
            advance(Duration::from_secs(9)).await;
            far.write_u8(7).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), 7);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_the_last_part_and_not_before() {
        let mut patience = Patience::new(LIMIT);
        for _ in 0..10 {
            let waiting = std::future::poll_fn(|cx| patience.poll_over(cx));
            let some = LIMIT * 9 / 10;
            assert!(tokio::time::timeout(some, waiting).await.is_err());
            patience.moved();
        }
        let last = Instant::now();
        std::future::poll_fn(|cx| patience.poll_over(cx)).await;
        assert_eq!(last.elapsed(), LIMIT);
    }
}
