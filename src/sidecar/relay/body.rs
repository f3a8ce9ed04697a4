//! Bodies on their way through: counted, never held.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::line::Stream;
use crate::audit::Exchange;
use crate::headers::clean_trailers;

/// A request's body on its way to the origin. What may not stand in trailers is taken out of them: an
/// origin that merges them with the headers could take an agent's credential from them.
#[derive(Debug)]
pub(super) struct Outbound {
    inner: Incoming,
    exchange: Arc<Exchange>,
}

/// A response's body on its way to the agent, trailers included.
#[derive(Debug)]
pub struct Relayed {
    inner: Incoming,
    exchange: Arc<Exchange>,
    state: State,
    /// Its place on a connection that it shares.
    _stream: Option<Stream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Under,
    Over,
}

impl Outbound {
    pub(super) fn new(inner: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { inner, exchange }
    }
}

impl Relayed {
    pub(super) fn new(inner: Incoming, exchange: Arc<Exchange>, stream: Option<Stream>) -> Self {
        Self {
            inner,
            exchange,
            state: State::Under,
            _stream: stream,
        }
    }
}

/// Returns the trailers that may go on, where some are left.
fn cleaned(frame: Frame<Bytes>, credentials: &[HeaderName]) -> Option<Frame<Bytes>> {
    let mut trailers = frame.into_trailers().ok()?;
    clean_trailers(&mut trailers, credentials);
    (!trailers.is_empty()).then(|| Frame::trailers(trailers))
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                this.exchange
                    .broke(&format!("the agent broke off its request: {error}"));
                return Poll::Ready(Some(Err(error)));
            }
            None => return Poll::Ready(None),
        };
        let Some(data) = frame.data_ref() else {
            let trailers = cleaned(frame, this.exchange.credentials());
            return Poll::Ready(trailers.map(Ok));
        };
        this.exchange.sent(data.len() as u64);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let polled = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.exchange.received(data.len() as u64);
                }
            }
            Some(Err(error)) => {
                this.state = State::Over;
                this.exchange
                    .broke(&format!("the origin broke off its response: {error}"));
            }
            None => this.state = State::Over,
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        // hyper does not poll a body that is at its end from the start.
        if self.state == State::Under && !self.inner.is_end_stream() {
            self.exchange
                .broke("the agent went away before the end of the response");
        }
    }
}

impl Relayed {
    /// Notes that the origin said nothing for too long, so that the body ends here.
    pub fn fell_silent(&self, limit: Duration) {
        let seconds = limit.as_secs();
        self.exchange.broke(&format!(
            "nothing of the response came for {seconds} seconds"
        ));
    }
}
