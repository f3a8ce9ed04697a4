//! HTTP/2 with the agent: many requests at once, each decided by itself.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bottle_contract::audit::Protocol;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{self, Answer};
use super::flood::{Counted, Flood};
use super::intent::Rejection;
use super::session::Session;
use crate::limits;
use crate::silence::Patience;

/// A session, and the streams that are open on it.
#[derive(Debug)]
struct Http2 {
    session: Session,
    streams: Arc<Mutex<Streams>>,
}

/// How many streams are open, and since when it is so.
#[derive(Debug)]
struct Streams {
    open: usize,
    since: Instant,
}

/// One open stream; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    streams: Arc<Mutex<Streams>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// An answer that is a stream's until its body has ended, or the WebSocket that came of it.
#[derive(Debug)]
struct Held {
    answer: Answer,
    /// Other streams keep the connections busy on both sides, so that their silence says nothing.
    patience: Patience,
    _open: Arc<Open>,
}

/// Serves the requests of one connection until it ends.
pub(super) async fn serve<S>(stream: S, session: Session)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let flood = Flood::default();
    let stream = TokioIo::new(Counted::new(stream, Arc::clone(&flood)));
    let served = Arc::new(Http2::new(session));
    let service = service_fn(|request| {
        let served = Arc::clone(&served);
        async move { Ok::<_, Infallible>(served.handle(request).await) }
    });
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::AGENT_STREAMS)
            .initial_stream_window_size(limits::AGENT_STREAM_WINDOW)
            .initial_connection_window_size(limits::AGENT_CONNECTION_WINDOW)
            // Beyond it the library ends the connection; the count of frames is to say so first.
            .max_pending_accept_reset_streams(limits::FLOOD_RESETS as usize)
            .max_header_list_size(limits::HEADER_LIST_BYTES)
            .max_send_buf_size(limits::STREAM_BUFFER_BYTES)
            .keep_alive_interval(limits::AGENT_PING)
            .keep_alive_timeout(limits::PONG)
            .enable_connect_protocol()
            .serve_connection(stream, service)
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = idle(&served.streams) => {
            connection.as_mut().graceful_shutdown();
            timeout(limits::FAREWELL, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Some(excess) = flood.get() {
        served.session.note(excess.to_string(), Protocol::H2);
    } else if let Err(error) = ended {
        served.ended(&error);
    }
}

impl Http2 {
    fn new(session: Session) -> Self {
        let streams = Streams {
            open: 0,
            since: Instant::now(),
        };
        Self {
            session,
            streams: Arc::new(Mutex::new(streams)),
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Response<Held> {
        let place = Arc::clone(&self.session.door.streams)
            .try_acquire_owned()
            .ok();
        let crowded = place.is_none();
        let open = Arc::new(Open::new(&self.streams, place));
        let grpc = answer::is_grpc(request.headers());
        let response = if crowded {
            let detail = format!("more than {} requests are under way", limits::STREAMS);
            let rejection = Rejection::new(StatusCode::SERVICE_UNAVAILABLE, detail);
            self.session.reject(&rejection, Protocol::H2)
        } else {
            self.session.handle(request, Some(Arc::clone(&open))).await
        };
        let response = if grpc {
            answer::in_grpc(response)
        } else {
            response
        };
        answer::on_a_stream(response).map(|answer| Held {
            answer,
            patience: Patience::new(limits::ORIGIN_SILENCE),
            _open: open,
        })
    }

    /// Writes down what the library found wrong with the agent's frames; a connection that only
    /// broke off is none of that.
    fn ended(&self, error: &hyper::Error) {
        let cause = error.source().and_then(|cause| cause.downcast_ref());
        if let Some(cause) = cause.filter(|cause: &&h2::Error| cause.is_library()) {
            self.session
                .note(format!("not HTTP/2: {cause}"), Protocol::H2);
        }
    }
}

/// Returns once no stream has been open for as long as a connection may be idle.
async fn idle(streams: &Mutex<Streams>) {
    loop {
        let (open, since) = Streams::state(streams);
        let from = if open == 0 { since } else { Instant::now() };
        sleep_until(from + limits::REQUEST_HEAD).await;
        if open == 0 && Streams::state(streams) == (0, since) {
            return;
        }
    }
}

impl Streams {
    fn state(streams: &Mutex<Self>) -> (usize, Instant) {
        let streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
        (streams.open, streams.since)
    }

    fn change(streams: &Mutex<Self>, by: isize) {
        let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.open = streams.open.saturating_add_signed(by);
        streams.since = Instant::now();
    }
}

impl Open {
    fn new(streams: &Arc<Mutex<Streams>>, place: Option<OwnedSemaphorePermit>) -> Self {
        Streams::change(streams, 1);
        Self {
            streams: Arc::clone(streams),
            _place: place,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        Streams::change(&self.streams, -1);
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = <Answer as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.answer).poll_frame(cx);
        if polled.is_ready() {
            this.patience.moved();
            return polled;
        }
        ready!(this.patience.poll_over(cx));
        if let Either::Right(relayed) = &this.answer {
            relayed.fell_silent(limits::ORIGIN_SILENCE);
        }
        Poll::Ready(Some(Err("the origin fell silent".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_once_its_last_stream_is_long_gone() {
        let begun = Instant::now();
        let streams = Arc::new(Mutex::new(Streams {
            open: 0,
            since: begun,
        }));
        let open = Open::new(&streams, None);
        assert!(
            timeout(10 * limits::REQUEST_HEAD, idle(&streams))
                .await
                .is_err()
        );
        drop(open);
        let ended = Instant::now();
        idle(&streams).await;
        assert!(ended.elapsed() >= limits::REQUEST_HEAD);
        // A stream in between puts it off.
        let ended = Instant::now();
        let waiting = tokio::spawn({
            let streams = Arc::clone(&streams);
            drop(Open::new(&streams, None));
            async move { idle(&streams).await }
        });
        advance(limits::REQUEST_HEAD / 2).await;
        drop(Open::new(&streams, None));
        waiting.await.unwrap();
        assert!(ended.elapsed() >= limits::REQUEST_HEAD * 3 / 2);
    }
}
