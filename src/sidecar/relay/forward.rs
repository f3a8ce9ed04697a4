//! One permitted request to its origin, and the answer back.

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TE, TRAILER};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout};

use super::body::{Outbound, Relayed};
use super::dial::{self, Dial, Wanted};
use super::failure::{Failure, Unanswered};
use super::handshake::{Handshake, agree_in};
use super::lanes::Lanes;
use super::line::{Lease, Line, Sent};
use super::pool::{Key, Pool};
use super::websocket::Conversation;
use crate::dlp::Scrub;
use crate::gate::Permit;
use crate::headers::{
    announced_trailers, clean_request, clean_response, join_cookies, takes_trailers,
};
use crate::limits;
use crate::tls::OriginTls;

/// Carries permitted requests to their origins.
#[derive(Debug)]
pub struct Relay {
    pool: Arc<Pool>,
    lanes: Lanes,
    dialer: Arc<dyn Dial>,
    tls: OriginTls,
}

/// What an origin said to a handshake.
#[derive(Debug)]
pub enum Switched {
    /// It agreed: its answer, and the conversation that begins once the agent has it.
    Agreed(Response<()>, Box<Conversation>),
    /// It answered as to any request.
    Declined(Box<Response<Relayed>>),
}

impl Relay {
    /// Makes a relay that trusts these roots.
    pub fn new(dialer: Arc<dyn Dial>, tls: OriginTls) -> Self {
        Self {
            pool: Arc::new(Pool::default()),
            lanes: Lanes::default(),
            dialer,
            tls,
        }
    }

    /// Sends a request as its permit says, and returns the origin's answer as its head arrives.
    /// A redirect is the agent's to follow: it is a new request.
    pub async fn forward(
        &self,
        mut permit: Permit,
        request: Request<Incoming>,
    ) -> Result<Response<Relayed>, Unanswered> {
        // What the agent speaks is spoken with the origin too, where it can.
        let wanted = match request.version() {
            Version::HTTP_2 => Wanted::Http2,
            _ => Wanted::Http1,
        };
        let sent = match rewrite(&mut permit, request) {
            Ok(request) => self.send(&permit, request, wanted).await,
            Err(failure) => Err(failure),
        };
        sent.map_err(|failure| unanswered(&permit, failure))
    }

    /// Asks the origin for a WebSocket, as its permit says, on a connection of its own.
    pub async fn switch(
        &self,
        mut permit: Permit,
        request: Request<Incoming>,
        handshake: &Handshake,
    ) -> Result<Switched, Unanswered> {
        let asked = match rewrite(&mut permit, request) {
            Ok(request) => self.ask_to_switch(&permit, request, handshake).await,
            Err(failure) => Err(failure),
        };
        asked.map_err(|failure| unanswered(&permit, failure))
    }

    async fn ask_to_switch(
        &self,
        permit: &Permit,
        mut request: Request<Outbound>,
        handshake: &Handshake,
    ) -> Result<Switched, Failure> {
        request.headers_mut().remove(TE);
        handshake.ask_in(request.headers_mut());
        let mut lease = self.dial(permit, Wanted::Http1Only).await?;
        let mut response = match lease.send(permit, request).await? {
            Sent::Answered(response) => response,
            Sent::Not(_) => return Err(Failure::answer("the origin closed the connection")),
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self
                .answered(permit, lease, response)
                .map(|response| Switched::Declined(Box::new(response)));
        }
        handshake
            .accepted_by(response.headers())
            .map_err(Failure::answer)?;
        let origin = timeout(limits::ORIGIN_HANDSHAKE, hyper::upgrade::on(&mut response))
            .await
            .map_err(|_| Failure::answer("the origin did not switch in time"))?
            .map_err(|err| Failure::http(&err))?;
        let (mut head, _) = response.into_parts();
        clean_response(&mut head.headers);
        permit.watch().scrub_headers(&mut head.headers);
        permit
            .exchange()
            .answered(head.status.as_u16(), &head.headers);
        agree_in(&mut head.headers);
        let conversation = Conversation::new(origin, permit)
            .map_err(|why| Failure::answer(&format!("the frames cannot be scanned: {why}")))?;
        Ok(Switched::Agreed(
            Response::from_parts(head, ()),
            Box::new(conversation),
        ))
    }

    async fn send(
        &self,
        permit: &Permit,
        mut request: Request<Outbound>,
        wanted: Wanted,
    ) -> Result<Response<Relayed>, Failure> {
        while let Some(mut lease) = self.pooled(permit, wanted) {
            match lease.send(permit, request).await? {
                Sent::Answered(response) => return self.answered(permit, lease, response),
                Sent::Not(unsent) => {
                    request = *unsent;
                    lease.stream.iter().for_each(|one| self.pool.forget(one));
                }
            }
        }
        let mut lease = match wanted {
            // In boxes: most requests find a connection, and need not carry the room for making one.
            Wanted::Http1 | Wanted::Http1Only => Box::pin(self.dial(permit, wanted)).await?,
            Wanted::Http2 => Box::pin(self.dial_in_turn(permit)).await?,
        };
        match lease.send(permit, request).await? {
            Sent::Answered(response) => self.answered(permit, lease, response),
            Sent::Not(_) => Err(Failure::answer("the origin closed the connection at once")),
        }
    }

    fn pooled(&self, permit: &Permit, wanted: Wanted) -> Option<Lease> {
        match wanted {
            Wanted::Http1Only => None,
            Wanted::Http1 => self
                .pool
                .take_idle(permit)
                .or_else(|| self.pool.take_shared(permit)),
            Wanted::Http2 => self
                .pool
                .take_shared(permit)
                .or_else(|| self.pool.take_idle(permit)),
        }
    }

    /// Dials where connections may be shared: one at a time, and whoever waited takes part.
    async fn dial_in_turn(&self, permit: &Permit) -> Result<Lease, Failure> {
        let lane = self.lanes.of(permit);
        let asked = Instant::now();
        let mut last = lane.turn.lock().await;
        if let Some(lease) = self.pool.take_shared(permit) {
            return Ok(lease);
        }
        if let Some(failure) = last.since(asked) {
            return Err(failure);
        }
        if lane.is_http1() {
            drop(last);
            return self.dial(permit, Wanted::Http2).await;
        }
        let dialled = self.dial(permit, Wanted::Http2).await;
        match &dialled {
            Ok(lease) => lane.found_http1(matches!(lease.line, Line::Http1(_))),
            Err(failure) => last.set(failure),
        }
        dialled
    }

    async fn dial(&self, permit: &Permit, wanted: Wanted) -> Result<Lease, Failure> {
        let (address, line) = dial::connect(permit, &*self.dialer, &self.tls, wanted).await?;
        let key = Key::of(permit, address);
        Ok(match line {
            Line::Http1(_) => Lease {
                key,
                line,
                stream: None,
            },
            Line::Http2(sender) => self.pool.share(key, sender),
        })
    }

    /// Makes an origin's response ready for the agent, and gives a connection that cannot be shared
    /// back once the response has been read to its end.
    fn answered(
        &self,
        permit: &Permit,
        lease: Lease,
        response: Response<Incoming>,
    ) -> Result<Response<Relayed>, Failure> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::answer(
                "the origin switched protocols without being asked to",
            ));
        }
        let Lease { key, line, stream } = lease;
        if let Line::Http1(mut sender) = line {
            let pool = Arc::clone(&self.pool);
            // Ends with the connection at the latest, whose silence is bounded.
            tokio::spawn(async move {
                if sender.ready().await.is_ok() {
                    pool.put(key, sender);
                }
            });
        }
        let (mut head, body) = response.into_parts();
        clean_response(&mut head.headers);
        let scrub = if body.is_end_stream() {
            None
        } else {
            permit.watch().scrub(&head.headers).map_err(|why| {
                Failure::answer(&format!("the answer cannot be scanned for secrets: {why}"))
            })?
        };
        if let Some(scrub) = &scrub {
            lose_length(&mut head.headers, scrub);
        }
        permit.watch().scrub_headers(&mut head.headers);
        permit
            .exchange()
            .answered(head.status.as_u16(), &head.headers);
        // The agent's side has a version of its own.
        head.version = Version::default();
        let body = Relayed::new(body, permit, scrub, stream);
        Ok(Response::from_parts(head, body))
    }
}

/// Removes what says how a body is encoded and how long it is, where that changes on the way.
fn lose_length(headers: &mut HeaderMap, scrub: &Scrub) {
    if scrub.decodes() {
        headers.remove(CONTENT_ENCODING);
    }
    headers.remove(CONTENT_LENGTH);
    for digest in ["content-md5", "digest", "content-digest", "repr-digest"] {
        headers.remove(digest);
    }
}

/// Says why a request got no answer: it was stopped, or it failed.
fn unanswered(permit: &Permit, failure: Failure) -> Unanswered {
    if let Some(refusal) = permit.watch().refusal() {
        return Unanswered::Stopped(refusal.clone());
    }
    permit.exchange().broke(&failure.to_string());
    Unanswered::Failed(failure)
}

/// Writes the request anew: nothing of the agent's own framing, names or credentials goes on.
fn rewrite(permit: &mut Permit, request: Request<Incoming>) -> Result<Request<Outbound>, Failure> {
    let invalid =
        |err: http::Error| Failure::answer(&format!("the request cannot be written: {err}"));
    let (head, body) = request.into_parts();
    let mut rewritten = Request::new(Outbound::new(body, permit));
    let intent = permit.intent();
    *rewritten.method_mut() =
        Method::from_bytes(intent.method.as_str().as_bytes()).map_err(|err| invalid(err.into()))?;
    let host = HeaderValue::try_from(intent.authority()).map_err(|err| invalid(err.into()))?;
    *rewritten.headers_mut() = outgoing_headers(permit, host, head.headers);
    Ok(rewritten)
}

fn outgoing_headers(permit: &Permit, host: HeaderValue, mut agents: HeaderMap) -> HeaderMap {
    let trailers = takes_trailers(&agents);
    let announced = announced_trailers(&agents, permit.exchange().credentials());
    clean_request(&mut agents);
    join_cookies(&mut agents);
    permit.put_secrets_into(&mut agents);
    permit.watch().narrow(&mut agents);
    let mut headers = HeaderMap::with_capacity(agents.len() + 3);
    headers.insert(HOST, host);
    headers.extend(agents);
    headers.extend(announced.map(|names| (TRAILER, names)));
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers
}
