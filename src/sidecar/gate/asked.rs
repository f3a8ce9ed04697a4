//! How a request came in: for the log only, nothing is decided by it.

use bottle_contract::audit::Protocol;
use http::{HeaderMap, Request};

/// The protocol and the headers of a request of the agent.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    protocol: Protocol,
    headers: &'a HeaderMap,
}

impl<'a> Asked<'a> {
    /// Looks at a request that came in this protocol.
    pub fn of<B>(request: &'a Request<B>, protocol: Protocol) -> Self {
        Self {
            protocol,
            headers: request.headers(),
        }
    }

    pub(super) fn protocol(self) -> Protocol {
        self.protocol
    }

    pub(super) fn headers(self) -> &'a HeaderMap {
        self.headers
    }
}
