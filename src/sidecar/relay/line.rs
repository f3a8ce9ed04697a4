//! One request over one connection to an origin, in whichever protocol was agreed on there.

use std::sync::Arc;

use http::header::{CONNECTION, HOST, HeaderValue, TE};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use tokio::time::timeout;

use super::body::Outbound;
use super::failure::Failure;
use super::pool::Key;
use crate::gate::Permit;
use crate::limits;

/// A connection to an origin.
pub(super) enum Line {
    Http1(http1::SendRequest<Outbound>),
    Http2(http2::SendRequest<Outbound>),
}

/// One of the streams that are open on a connection; counted until it is dropped.
pub(super) type Stream = Arc<()>;

/// A connection that a request may use now.
pub(super) struct Lease {
    pub(super) key: Key,
    pub(super) line: Line,
    /// For HTTP/2, whose connections several requests share.
    pub(super) stream: Option<Stream>,
}

/// What became of a request.
pub(super) enum Sent {
    Answered(Response<Incoming>),
    /// The origin closed the connection while it was idle, and nothing of the request was sent.
    Not(Box<Request<Outbound>>),
}

impl Lease {
    /// Sends a request, and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        permit: &Permit,
        mut request: Request<Outbound>,
    ) -> Result<Sent, Failure> {
        self.line
            .fit(permit, &mut request)
            .map_err(|err| Failure::answer(&format!("the request cannot be written: {err}")))?;
        let answered = match &mut self.line {
            Line::Http1(sender) => sender.try_send_request(request).await,
            Line::Http2(sender) => {
                // Others may keep the connection busy, so its silence says nothing of this request.
                timeout(limits::ORIGIN_SILENCE, sender.try_send_request(request))
                    .await
                    .map_err(|_| Failure::silent(limits::ORIGIN_SILENCE))?
            }
        };
        match answered {
            Ok(response) => Ok(Sent::Answered(response)),
            Err(mut error) => match error.take_message() {
                Some(unsent) => Ok(Sent::Not(Box::new(unsent))),
                None => Err(Failure::http(error.error())),
            },
        }
    }
}

impl Line {
    /// Writes down where the request goes, the way this protocol has it.
    fn fit(&self, permit: &Permit, request: &mut Request<Outbound>) -> Result<(), http::Error> {
        let intent = permit.intent();
        match self {
            Self::Http1(_) => {
                *request.uri_mut() = Uri::try_from(intent.target.as_str())?;
                let headers = request.headers_mut();
                if !headers.contains_key(HOST) {
                    headers.insert(HOST, HeaderValue::try_from(intent.authority())?);
                }
                if headers.contains_key(TE) {
                    headers.insert(CONNECTION, HeaderValue::from_static("te"));
                }
            }
            Self::Http2(_) => {
                let (scheme, authority) = (intent.scheme, intent.authority());
                let target = intent.target.as_str();
                *request.uri_mut() = Uri::try_from(format!("{scheme}://{authority}{target}"))?;
                let headers = request.headers_mut();
                headers.remove(HOST);
                headers.remove(CONNECTION);
            }
        }
        Ok(())
    }
}
