//! One connection of the agent: its requests, one after the other, from bytes to answer.

use std::convert::Infallible;
use std::sync::Arc;

use bottle_contract::intent::Intent;
use http::header::EXPECT;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::answer::{self, Answer};
use super::connect;
use super::framing::Fault;
use super::heads::{Heads, Strict};
use super::intent::{self, Rejection};
use crate::audit::{Connection, Counters};
use crate::gate::{Asked, Gate, Refusal, Rejected, Tunnel};
use crate::limits;
use crate::relay::Relay;
use crate::tls::Authority;

/// What every connection needs.
#[derive(Debug)]
pub struct Door {
    /// Decides.
    pub gate: Arc<Gate>,
    /// Carries.
    pub relay: Relay,
    /// Makes certificates.
    pub authority: Arc<Authority>,
    /// Counts.
    pub counters: Arc<Counters>,
}

/// The place of one connection among those that may be open; a tunnel shares it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    _counted: Arc<Connection>,
    _permit: Arc<OwnedSemaphorePermit>,
}

/// How requests come in on a connection.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// As to a forward proxy.
    Forward,
    /// Inside a tunnel whose names agree.
    Tunnel(Tunnel),
    /// Inside a tunnel whose names do not agree: everything is answered with this.
    Mismatch(Refusal),
}

#[derive(Debug)]
struct Session {
    door: Arc<Door>,
    way: Way,
    heads: Heads,
    place: Place,
}

impl Place {
    pub(super) fn new(permit: OwnedSemaphorePermit, counted: Connection) -> Self {
        Self {
            _counted: Arc::new(counted),
            _permit: Arc::new(permit),
        }
    }
}

/// Serves the requests of one connection until it ends.
pub(super) async fn serve<S>(stream: S, door: Arc<Door>, way: Way, place: Place)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let heads = Heads::default();
    let stream = TokioIo::new(Strict::new(stream, heads.clone()));
    let session = Arc::new(Session {
        door,
        way,
        heads,
        place,
    });
    let service = service_fn(|request| {
        let session = Arc::clone(&session);
        async move { Ok::<_, Infallible>(session.handle(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD)
        .max_headers(limits::HEADER_LINES)
        .max_header_size(limits::REQUEST_HEAD_BYTES)
        .max_buf_size(limits::BUFFER_BYTES)
        .serve_connection(stream, service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        session.ended(&error);
    }
}

impl Session {
    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<Answer> {
        if let Err(rejection) = self.sound(&request) {
            return self.reject(&rejection);
        }
        let tunnel = match &self.way {
            Way::Forward => None,
            Way::Tunnel(tunnel) => Some(tunnel),
            Way::Mismatch(refusal) => {
                return answer::rejected(refusal, StatusCode::MISDIRECTED_REQUEST);
            }
        };
        let (head, body) = request.into_parts();
        if let Err(rejection) = intent::supported(&head) {
            return self.reject(&rejection);
        }
        let intent = match (tunnel, head.method == Method::CONNECT) {
            (None, true) => return self.connect(Request::from_parts(head, body)),
            (None, false) => intent::forward(&head),
            (Some(_), true) => Err(Rejection::new(
                StatusCode::NOT_IMPLEMENTED,
                "a CONNECT inside a tunnel is not supported",
            )),
            (Some(tunnel), false) => intent::tunnelled(&head, tunnel),
        };
        match intent {
            Ok(intent) => self.carry(intent, Request::from_parts(head, body)).await,
            Err(rejection) => self.reject(&rejection),
        }
    }

    async fn carry(&self, intent: Intent, request: Request<Incoming>) -> Response<Answer> {
        let host = intent.host.clone();
        let permit = match self.door.gate.decide(intent, Asked::of(&request)).await {
            Ok(permit) => permit,
            Err(refusal) => {
                discard(request);
                return answer::refused(&refusal);
            }
        };
        match self.door.relay.forward(permit, request).await {
            Ok(response) => response.map(Either::Right),
            Err(failure) => answer::failed(&host.to_string(), &failure),
        }
    }

    fn connect(&self, mut request: Request<Incoming>) -> Response<Answer> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let (host, port) = match intent::connect(&head) {
            Ok(target) => target,
            Err(rejection) => return self.reject(&rejection),
        };
        match self.door.gate.admit(host, port) {
            Ok(tunnel) => {
                let door = Arc::clone(&self.door);
                let place = self.place.clone();
                tokio::spawn(connect::serve(upgrade, door, tunnel, place));
                answer::connected()
            }
            Err(refusal) => answer::refused(&refusal),
        }
    }

    /// Asks what the strict reader found; what it has not seen as hyper does is refused.
    fn sound(&self, request: &Request<Incoming>) -> Result<(), Rejection> {
        let head = match self.heads.next() {
            Some(Ok(head)) => head,
            Some(Err(fault)) => return Err(Rejection::new(status_of(fault), fault.to_string())),
            None => {
                return Err(Rejection::new(
                    StatusCode::BAD_REQUEST,
                    "the request does not begin where the one before it ended",
                ));
            }
        };
        let host = request.headers().get(http::header::HOST);
        let same_host =
            host.map(http::HeaderValue::as_bytes) == head.host.as_deref().map(str::as_bytes);
        if request.method().as_str() == head.method && same_host {
            Ok(())
        } else {
            Err(Rejection::new(
                StatusCode::BAD_REQUEST,
                "the request can be read in two ways",
            ))
        }
    }

    fn reject(&self, rejection: &Rejection) -> Response<Answer> {
        let refusal = self.door.gate.reject(&rejection.rejected);
        answer::rejected(&refusal, rejection.status)
    }

    /// Writes down what hyper refused by itself: it has answered 400 or 431 already.
    fn ended(&self, error: &hyper::Error) {
        if !error.is_parse() {
            return;
        }
        let detail = match self.heads.next() {
            Some(Err(fault)) => fault.to_string(),
            Some(Ok(_)) | None => error.to_string(),
        };
        // The answer is gone; only the line in the log is wanted.
        drop(self.door.gate.reject(&Rejected::malformed(detail)));
    }
}

/// Reads some of a refused body away. An agent that is still sending would otherwise meet a closed
/// connection before it has read why it was refused.
fn discard(request: Request<Incoming>) {
    // Who waits for `100 Continue` sends nothing, and reading would ask for it.
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return;
    }
    let mut body = Limited::new(request.into_body(), limits::DISCARDED_BYTES);
    let discarded = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(timeout(limits::DISCARDING, discarded));
}

fn status_of(fault: Fault) -> StatusCode {
    match fault {
        Fault::TooLong | Fault::TooManyLines => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Fault::ControlByte
        | Fault::RequestLine
        | Fault::HeaderLine
        | Fault::NoHost
        | Fault::SeveralHosts
        | Fault::Length
        | Fault::Encoding
        | Fault::LengthAndEncoding
        | Fault::ConnectBody => StatusCode::BAD_REQUEST,
    }
}
