//! Bodies on their way through: counted and looked through as they pass, never held whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

use super::drain::drain;
use super::line::Stream;
use crate::audit::Exchange;
use crate::dlp;
use crate::gate::{Permit, Stopped, Watch};
use crate::headers::clean_trailers;

/// A request's body on its way to the origin. What may not stand in trailers is taken out of them: an
/// origin that merges them with the headers could take an agent's credential from them.
#[derive(Debug)]
pub(super) struct Outbound {
    /// What the agent sends; `None` once that is over.
    inner: Option<Incoming>,
    /// What it passes through.
    scan: Option<dlp::Stream>,
    /// What comes after the last bytes.
    trailers: Option<Frame<Bytes>>,
    length: Length,
    watch: Watch,
    exchange: Arc<Exchange>,
}

/// Whether a body is as long as the agent said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    AsSent,
    MayChange,
}

/// A response's body on its way to the agent, trailers included.
#[derive(Debug)]
pub struct Relayed {
    inner: Incoming,
    /// What it passes through.
    scrub: Option<dlp::Scrub>,
    /// What comes after the last bytes.
    trailers: Option<Frame<Bytes>>,
    watch: Watch,
    exchange: Arc<Exchange>,
    state: State,
    /// Its place on a connection that it shares.
    _stream: Option<Stream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Under,
    /// The origin has ended it, and what was held back is on its way.
    Ending,
    Over,
}

/// Why a body breaks off.
#[derive(Debug, Error)]
pub enum BrokenOff {
    /// Its sender broke it off.
    #[error(transparent)]
    Sender(#[from] hyper::Error),
    /// Something was found in it, or in the request that it answers.
    #[error("something in it must not go on")]
    Stopped,
}

impl Outbound {
    pub(super) fn new(inner: Incoming, permit: &mut Permit) -> Self {
        let scan = permit.take_body();
        let length = if scan.is_some() && permit.watch().redacts() {
            Length::MayChange
        } else {
            Length::AsSent
        };
        Self {
            inner: Some(inner),
            scan,
            trailers: None,
            length,
            watch: permit.watch().clone(),
            exchange: Arc::clone(permit.exchange()),
        }
    }

    /// Takes what the agent sent, and returns what of it may go on now.
    fn pass(&mut self, data: Bytes) -> Result<Bytes, BrokenOff> {
        let Some(scan) = &mut self.scan else {
            return Ok(data);
        };
        let passed = scan.push(data);
        self.outcome(passed)
    }

    /// Ends the body, and returns what was held back.
    fn end(&mut self) -> Result<Bytes, BrokenOff> {
        self.inner = None;
        let Some(scan) = &mut self.scan else {
            return Ok(Bytes::new());
        };
        let passed = scan.finish();
        let rest = self.outcome(passed)?;
        self.scan = None;
        Ok(rest)
    }

    fn outcome(&mut self, passed: Result<Bytes, dlp::Stop>) -> Result<Bytes, BrokenOff> {
        if let Some(scan) = &mut self.scan {
            self.watch.report(scan.take_reports());
        }
        let stop = match passed {
            Ok(bytes) => {
                if self.length == Length::MayChange && holds_marker(&bytes) {
                    self.watch.replaced_in("body");
                }
                return Ok(bytes);
            }
            Err(stop) => stop,
        };
        match self.watch.stop(stop) {
            Stopped::GoesOnUnscanned => {
                let scan = self.scan.take();
                Ok(scan.map_or_else(Bytes::new, dlp::Stream::into_held))
            }
            Stopped::Not | Stopped::ForGood => {
                self.scan = None;
                // An agent that is still sending would not read why.
                if let Some(rest) = self.inner.take() {
                    drain(rest);
                }
                Err(BrokenOff::Stopped)
            }
        }
    }

    /// Ends the body with trailers, which are looked through as headers are.
    fn end_with(&mut self, trailers: Frame<Bytes>) -> Result<Bytes, BrokenOff> {
        let rest = self.end()?;
        let trailers = trailers.into_trailers().unwrap_or_default();
        let trailers = cleaned(trailers, self.exchange.credentials());
        match self.watch.trailers(&trailers) {
            Stopped::ForGood => return Err(BrokenOff::Stopped),
            Stopped::GoesOnUnscanned | Stopped::Not => {}
        }
        self.trailers = (!trailers.is_empty()).then(|| Frame::trailers(trailers));
        Ok(rest)
    }

    fn sent(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if data.is_empty() {
            return Poll::Ready(self.trailers.take().map(Ok));
        }
        self.exchange.sent(data.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

/// Returns the trailers that may go on.
fn cleaned(mut trailers: HeaderMap, credentials: &[HeaderName]) -> HeaderMap {
    clean_trailers(&mut trailers, credentials);
    trailers
}

fn joined(first: Bytes, rest: Bytes) -> Bytes {
    if rest.is_empty() {
        first
    } else {
        Bytes::from([first, rest].concat())
    }
}

/// Tells whether something was replaced in these bytes.
fn holds_marker(bytes: &[u8]) -> bool {
    let marker = dlp::MARKER.as_bytes();
    bytes.windows(marker.len()).any(|window| window == marker)
}

impl Relayed {
    pub(super) fn new(
        inner: Incoming,
        permit: &Permit,
        scrub: Option<dlp::Scrub>,
        stream: Option<Stream>,
    ) -> Self {
        Self {
            inner,
            scrub,
            trailers: None,
            watch: permit.watch().clone(),
            exchange: Arc::clone(permit.exchange()),
            state: State::Under,
            _stream: stream,
        }
    }

    /// Notes that the origin said nothing for too long, so that the body ends here.
    pub fn fell_silent(&self, limit: Duration) {
        let seconds = limit.as_secs();
        self.exchange.broke(&format!(
            "nothing of the response came for {seconds} seconds"
        ));
    }

    /// Takes what the origin sent, and returns what of it may go on now; all of it at the end.
    fn pass(&mut self, data: Option<Bytes>) -> Result<Bytes, BrokenOff> {
        let Some(scrub) = &mut self.scrub else {
            return Ok(data.unwrap_or_default());
        };
        let replaced = scrub.replaced();
        let passed = match data {
            Some(data) => scrub.push(data),
            None => scrub.finish(),
        };
        if scrub.replaced() && !replaced {
            self.watch.replaced_in("body of the answer");
        }
        passed.map_err(|stop| {
            self.state = State::Over;
            self.exchange
                .broke(&format!("the response was broken off: {stop}"));
            BrokenOff::Stopped
        })
    }

    /// Takes one frame of the origin's; `None` where nothing goes on yet.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, BrokenOff> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(mut trailers) => {
                if let Some(trailers) = trailers.trailers_mut() {
                    self.watch.scrub_headers(trailers);
                }
                let rest = self.pass(None)?;
                self.scrub = None;
                if rest.is_empty() {
                    return Ok(Some(trailers));
                }
                self.trailers = Some(trailers);
                return Ok(Some(Frame::data(rest)));
            }
        };
        self.exchange.received(data.len() as u64);
        let empty = data.is_empty();
        let passed = self.pass(Some(data))?;
        Ok((empty || !passed.is_empty()).then(|| Frame::data(passed)))
    }

    fn end(&mut self) -> Result<Option<Frame<Bytes>>, BrokenOff> {
        let rest = self.pass(None)?;
        self.scrub = None;
        self.state = if rest.is_empty() {
            State::Over
        } else {
            State::Ending
        };
        Ok((!rest.is_empty()).then(|| Frame::data(rest)))
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        loop {
            let Some(inner) = &mut this.inner else {
                // What was stopped must not look like a body that has ended.
                if this.watch.refusal().is_some() {
                    return Poll::Ready(Some(Err(BrokenOff::Stopped)));
                }
                return Poll::Ready(this.trailers.take().map(Ok));
            };
            let passed = match ready!(Pin::new(&mut *inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        // A body of a known length is not polled again after its last byte.
                        let last = inner.is_end_stream();
                        let passed = this.pass(data)?;
                        if last {
                            let rest = this.end()?;
                            return this.sent(joined(passed, rest));
                        }
                        passed
                    }
                    Err(trailers) => {
                        let rest = this.end_with(trailers)?;
                        return this.sent(rest);
                    }
                },
                Some(Err(error)) => {
                    this.exchange
                        .broke(&format!("the agent broke off its request: {error}"));
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => {
                    let rest = this.end()?;
                    return this.sent(rest);
                }
            };
            if !passed.is_empty() {
                return this.sent(passed);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Some(inner) => self.scan.is_none() && inner.is_end_stream(),
            None => self.trailers.is_none() && self.watch.refusal().is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, self.length) {
            (Some(inner), Length::AsSent) => inner.size_hint(),
            (Some(_), Length::MayChange) => SizeHint::default(),
            (None, _) => SizeHint::with_exact(0),
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        loop {
            if let Some(trailers) = this.trailers.take() {
                this.state = State::Over;
                return Poll::Ready(Some(Ok(trailers)));
            }
            if this.state != State::Under {
                this.state = State::Over;
                return Poll::Ready(None);
            }
            let polled = ready!(Pin::new(&mut this.inner).poll_frame(cx));
            if this.watch.refusal().is_some() {
                this.state = State::Over;
                return Poll::Ready(Some(Err(BrokenOff::Stopped)));
            }
            let passed = match polled {
                Some(Ok(frame)) => this.take(frame)?,
                Some(Err(error)) => {
                    this.state = State::Over;
                    this.exchange
                        .broke(&format!("the origin broke off its response: {error}"));
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => match this.end()? {
                    Some(rest) => Some(rest),
                    None => return Poll::Ready(None),
                },
            };
            if let Some(frame) = passed {
                return Poll::Ready(Some(Ok(frame)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.scrub {
            Some(_) => false,
            None => {
                self.trailers.is_none()
                    && (self.state == State::Ending || self.inner.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.scrub, self.state) {
            (None, State::Under) => self.inner.size_hint(),
            (Some(_), _) | (None, State::Ending | State::Over) => SizeHint::default(),
        }
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
