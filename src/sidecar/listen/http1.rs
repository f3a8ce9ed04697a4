//! HTTP/1.1 with the agent: one request after the other, each read twice.

use std::convert::Infallible;
use std::sync::Arc;

use bottle_contract::audit::Protocol;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::Answer;
use super::framing::Fault;
use super::heads::{Heads, Strict};
use super::intent::Rejection;
use super::session::Session;
use crate::limits;

/// A session, and what the strict reader found on it.
#[derive(Debug)]
struct Http1 {
    session: Session,
    heads: Heads,
}

/// Serves the requests of one connection until it ends.
pub(super) async fn serve<S>(stream: S, session: Session)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let heads = Heads::default();
    let stream = TokioIo::new(Strict::new(stream, heads.clone()));
    let served = Arc::new(Http1 { session, heads });
    let service = service_fn(|request| {
        let served = Arc::clone(&served);
        async move { Ok::<_, Infallible>(served.handle(request).await) }
    });
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD)
        .max_headers(limits::HEADER_LINES)
        .max_header_size(limits::REQUEST_HEAD_BYTES)
        .max_buf_size(limits::BUFFER_BYTES)
        .serve_connection(stream, service)
        .with_upgrades()
        .await;
    if let Err(error) = ended {
        served.ended(&error);
    }
}

impl Http1 {
    async fn handle(&self, request: Request<Incoming>) -> Response<Answer> {
        if let Err(rejection) = self.sound(&request) {
            return self.session.reject(&rejection, Protocol::H1);
        }
        let response = self.session.handle(request, None).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.heads.end();
        }
        response
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

    /// Writes down what hyper refused by itself: it has answered 400 or 431 already.
    fn ended(&self, error: &hyper::Error) {
        if !error.is_parse() {
            return;
        }
        let detail = match self.heads.next() {
            Some(Err(fault)) => fault.to_string(),
            Some(Ok(_)) | None => error.to_string(),
        };
        self.session.note(detail, Protocol::H1);
    }
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
