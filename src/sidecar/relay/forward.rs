//! One permitted request to its origin, and the answer back.

use std::sync::Arc;

use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue, TE};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::body::{Outbound, Relayed};
use super::dial::{self, Dial};
use super::failure::{Failure, Kind, Phase};
use super::pool::{Key, Pool};
use crate::gate::Permit;
use crate::headers::{clean_request, clean_response, takes_trailers};
use crate::tls::OriginTls;

/// Carries permitted requests to their origins.
#[derive(Debug)]
pub struct Relay {
    pool: Arc<Pool>,
    dialer: Arc<dyn Dial>,
    tls: OriginTls,
}

impl Relay {
    /// Makes a relay that trusts these roots.
    pub fn new(dialer: Arc<dyn Dial>, tls: OriginTls) -> Self {
        Self {
            pool: Arc::new(Pool::default()),
            dialer,
            tls,
        }
    }

    /// Sends a request as its permit says, and returns the origin's answer as its head arrives.
    /// A redirect is the agent's to follow: it is a new request.
    pub async fn forward(
        &self,
        permit: Permit,
        request: Request<Incoming>,
    ) -> Result<Response<Relayed>, Failure> {
        let sent = match rewrite(&permit, request) {
            Ok(request) => self.send(&permit, request).await,
            Err(failure) => Err(failure),
        };
        let exchange = permit.exchange();
        match sent {
            Ok(response) => {
                exchange.answered(response.status().as_u16(), response.headers());
                let (mut head, body) = response.into_parts();
                clean_response(&mut head.headers);
                let body = Relayed::new(body, Arc::clone(exchange));
                Ok(Response::from_parts(head, body))
            }
            Err(failure) => {
                exchange.broke(&failure.to_string());
                Err(failure)
            }
        }
    }

    async fn send(
        &self,
        permit: &Permit,
        mut request: Request<Outbound>,
    ) -> Result<Response<Incoming>, Failure> {
        while let Some((key, mut sender)) = self.pool.take(permit) {
            match sender.try_send_request(request).await {
                Ok(response) => return self.answered(key, sender, response),
                // The origin closed it while it was idle, and nothing of the request was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Failure::http(error.error())),
                },
            }
        }
        let (address, mut sender) = dial::connect(permit, &*self.dialer, &self.tls).await?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|err| Failure::http(&err))?;
        self.answered(Key::of(permit, address), sender, response)
    }

    /// Gives the connection back once the response has been read to its end.
    fn answered(
        &self,
        key: Key,
        mut sender: SendRequest<Outbound>,
        response: Response<Incoming>,
    ) -> Result<Response<Incoming>, Failure> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure {
                phase: Phase::Response,
                kind: Kind::Broken,
                detail: "the origin switched protocols without being asked to".to_owned(),
            });
        }
        let pool = Arc::clone(&self.pool);
        // Ends with the connection at the latest, whose silence is bounded.
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                pool.put(key, sender);
            }
        });
        Ok(response)
    }
}

/// Writes the request anew: nothing of the agent's own framing, names or credentials goes on.
fn rewrite(permit: &Permit, request: Request<Incoming>) -> Result<Request<Outbound>, Failure> {
    let intent = permit.intent();
    let invalid = |err: http::Error| Failure {
        phase: Phase::Response,
        kind: Kind::Broken,
        detail: format!("the request cannot be written: {err}"),
    };
    let (head, body) = request.into_parts();
    let mut rewritten = Request::new(Outbound::new(body, Arc::clone(permit.exchange())));
    *rewritten.method_mut() =
        Method::from_bytes(intent.method.as_str().as_bytes()).map_err(|err| invalid(err.into()))?;
    *rewritten.uri_mut() =
        Uri::try_from(intent.target.as_str()).map_err(|err| invalid(err.into()))?;
    let host = HeaderValue::try_from(intent.authority()).map_err(|err| invalid(err.into()))?;
    *rewritten.headers_mut() = outgoing_headers(permit, host, head.headers);
    Ok(rewritten)
}

fn outgoing_headers(permit: &Permit, host: HeaderValue, mut agents: HeaderMap) -> HeaderMap {
    let trailers = takes_trailers(&agents);
    clean_request(&mut agents);
    if let Some(credential) = permit.credential() {
        credential.put_into(&mut agents);
    }
    let mut headers = HeaderMap::with_capacity(agents.len() + 3);
    headers.insert(HOST, host);
    headers.extend(agents);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    headers
}
