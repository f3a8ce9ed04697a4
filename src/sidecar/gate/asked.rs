//! How a request came in, beside where it wants to go.

use bottle_contract::audit::Protocol;
use http::{HeaderMap, Request};
use http_body::Body;

/// The protocol and the headers of a request of the agent.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    protocol: Protocol,
    headers: &'a HeaderMap,
    body: Has,
}

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    Body,
    None,
}

impl<'a> Asked<'a> {
    /// Looks at a request that came in this protocol.
    pub fn of<B: Body>(request: &'a Request<B>, protocol: Protocol) -> Self {
        Self {
            protocol,
            headers: request.headers(),
            body: if protocol == Protocol::Websocket || request.body().is_end_stream() {
                // In HTTP/2 frames come as a body; they are looked through as frames.
                Has::None
            } else {
                Has::Body
            },
        }
    }

    pub(super) fn protocol(self) -> Protocol {
        self.protocol
    }

    pub(super) fn body(self) -> Has {
        self.body
    }

    pub(super) fn headers(self) -> &'a HeaderMap {
        self.headers
    }
}
