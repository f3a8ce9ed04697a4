//! One connection of the agent: each of its requests by itself, from its head to its answer.

use std::net::SocketAddr;
use std::sync::Arc;

use bottle_contract::audit::Protocol;
use bottle_contract::intent::Intent;
use bottle_contract::verdict::Reason;
use http::header::EXPECT;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Either;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{self, Answer};
use super::connect;
use super::http2::Open;
use super::intent::{self, Rejection};
use super::rates::{Rate, Rates};
use crate::audit::{Connection, Counters};
use crate::gate::{Asked, Gate, Refusal, Rejected, Tunnel};
use crate::relay::{Handshake, Relay, Switched, drain};
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
    /// The places of requests in HTTP/2, over all connections.
    pub streams: Arc<Semaphore>,
    /// How often each host is asked.
    pub rates: Rates,
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
    /// As to a forward proxy, which the agent reached at this address.
    Forward(Option<SocketAddr>),
    /// Inside a tunnel whose names agree.
    Tunnel(Tunnel),
    /// Inside a tunnel whose names do not agree: everything is answered with this.
    Mismatch(Refusal),
}

/// A connection of the agent.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) door: Arc<Door>,
    way: Way,
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

impl Session {
    pub(super) fn new(door: Arc<Door>, way: Way, place: Place) -> Self {
        Self { door, way, place }
    }

    /// Answers a request whose framing was found sound.
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
        stream: Option<Arc<Open>>,
    ) -> Response<Answer> {
        let tunnel = match &self.way {
            Way::Forward(_) => None,
            Way::Tunnel(tunnel) => Some(tunnel),
            Way::Mismatch(refusal) => {
                return answer::rejected(refusal, StatusCode::MISDIRECTED_REQUEST);
            }
        };
        let (mut head, body) = request.into_parts();
        let protocol = protocol(head.version);
        if let Err(rejection) = intent::supported(&head) {
            return self.reject(&rejection, protocol);
        }
        let handshake = handshake(&mut head);
        let intent = match (tunnel, head.method == Method::CONNECT) {
            (None, true) => return self.connect(Request::from_parts(head, body)),
            (None, false) => intent::forward(&head),
            (Some(_), true) => Err(Rejection::new(
                StatusCode::NOT_IMPLEMENTED,
                "a CONNECT inside a tunnel is not supported",
            )),
            (Some(tunnel), false) if protocol == Protocol::H2 => intent::stream(&head, tunnel),
            (Some(tunnel), false) => intent::tunnelled(&head, tunnel),
        };
        if let Ok(intent) = &intent
            && let Some(refusal) = self.too_often(intent, protocol)
        {
            return answer::refused(&refusal);
        }
        let request = Request::from_parts(head, body);
        match (intent, handshake) {
            (Ok(intent), Ok(None)) => self.carry(intent, protocol, request).await,
            (Ok(intent), Ok(Some(handshake))) => {
                Box::pin(self.switch(intent, request, &handshake, stream)).await
            }
            (Err(rejection), _) | (Ok(_), Err(rejection)) => self.reject(&rejection, protocol),
        }
    }

    /// Refuses a request for a host that is asked too often. The log has the first one of a burst: it
    /// would be full of the others.
    fn too_often(&self, intent: &Intent, protocol: Protocol) -> Option<Refusal> {
        let rate = self.door.rates.count(&intent.host);
        if rate == Rate::Fine {
            return None;
        }
        let rejected = Rejected {
            reason: Reason::Rate,
            protocol: Some(protocol),
            scheme: Some(intent.scheme),
            method: Some(intent.method.to_string()),
            host: Some(intent.host.clone()),
            port: Some(intent.port),
            ..Rejected::malformed("the first of a burst; the others of it are not written down")
        };
        if rate == Rate::Begins {
            return Some(self.door.gate.reject(&rejected));
        }
        Some(Refusal {
            reason: rejected.reason,
            detail: None,
            subject: format!("{} {}:{}", intent.method, intent.host, intent.port),
            remedy: None,
        })
    }

    async fn carry(
        &self,
        intent: Intent,
        protocol: Protocol,
        request: Request<Incoming>,
    ) -> Response<Answer> {
        let host = intent.host.clone();
        let asked = Asked::of(&request, protocol);
        let permit = match self.door.gate.decide(intent, asked).await {
            Ok(permit) => permit,
            Err(refusal) => {
                discard(request);
                return answer::refused(&refusal);
            }
        };
        match self.door.relay.forward(permit, request).await {
            Ok(response) => response.map(Either::Right),
            Err(unanswered) => answer::unanswered(&host.to_string(), &unanswered),
        }
    }

    /// Carries a request for a WebSocket, and what comes after it.
    async fn switch(
        &self,
        intent: Intent,
        mut request: Request<Incoming>,
        handshake: &Handshake,
        stream: Option<Arc<Open>>,
    ) -> Response<Answer> {
        let host = intent.host.clone();
        let asked = Asked::of(&request, Protocol::Websocket);
        let permit = match self.door.gate.decide(intent, asked).await {
            Ok(permit) => permit,
            Err(refusal) => return answer::refused(&refusal),
        };
        let agent = hyper::upgrade::on(&mut request);
        match self.door.relay.switch(permit, request, handshake).await {
            Ok(Switched::Agreed(response, conversation)) => {
                let place = self.place.clone();
                let response = match &stream {
                    None => answer::switched(response),
                    Some(_) => answer::switched_on_a_stream(response),
                };
                tokio::spawn(async move {
                    conversation.carry(agent).await;
                    drop((place, stream));
                });
                response
            }
            Ok(Switched::Declined(response)) => (*response).map(Either::Right),
            Err(unanswered) => answer::unanswered(&host.to_string(), &unanswered),
        }
    }

    fn connect(&self, mut request: Request<Incoming>) -> Response<Answer> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let own = match &self.way {
            Way::Forward(own) => *own,
            Way::Tunnel(_) | Way::Mismatch(_) => None,
        };
        let (host, port) = match intent::connect(&head, own) {
            Ok(target) => target,
            Err(rejection) => return self.reject(&rejection, Protocol::H1),
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

    /// Refuses what is no intent.
    pub(super) fn reject(&self, rejection: &Rejection, protocol: Protocol) -> Response<Answer> {
        let refusal = self.door.gate.reject(&Rejected {
            protocol: Some(protocol),
            ..rejection.rejected.clone()
        });
        answer::rejected(&refusal, rejection.status)
    }

    /// Writes down what a library refused by itself. Its answer is gone already.
    pub(super) fn note(&self, detail: impl Into<String>, protocol: Protocol) {
        drop(self.door.gate.reject(&Rejected {
            protocol: Some(protocol),
            ..Rejected::malformed(detail)
        }));
    }
}

/// Reads the handshake of a request for a WebSocket. In HTTP/2 it is a CONNECT, which is decided and
/// sent on as the GET that it is in HTTP/1.1.
fn handshake(head: &mut Parts) -> Result<Option<Handshake>, Rejection> {
    let extended = head.extensions.get::<hyper::ext::Protocol>().cloned();
    let Some(extended) = extended.filter(|_| head.method == Method::CONNECT) else {
        return Ok(Handshake::of(head)?);
    };
    head.method = Method::GET;
    Ok(Some(Handshake::extended(head, extended.as_str())?))
}

fn protocol(version: Version) -> Protocol {
    if version == Version::HTTP_2 {
        Protocol::H2
    } else {
        Protocol::H1
    }
}

/// Reads some of a refused body away. An agent that is still sending would otherwise meet a closed
/// connection before it has read why it was refused.
fn discard(request: Request<Incoming>) {
    // Who waits for `100 Continue` sends nothing, and reading would ask for it.
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return;
    }
    drain(request.into_body());
}
