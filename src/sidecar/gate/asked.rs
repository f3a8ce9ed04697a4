//! How a request came in: for the log only, nothing is decided by it.

use bottle_contract::audit::Protocol;
use http::{HeaderMap, Request, Version};

/// The protocol and the headers of a request of the agent.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    version: Version,
    headers: &'a HeaderMap,
}

impl<'a> Asked<'a> {
    /// Looks at a request.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            version: request.version(),
            headers: request.headers(),
        }
    }

    pub(super) fn protocol(self) -> Option<Protocol> {
        match self.version {
            Version::HTTP_10 => Some(Protocol::Http10),
            Version::HTTP_11 => Some(Protocol::Http11),
            Version::HTTP_2 => Some(Protocol::Http2),
            _ => None,
        }
    }

    pub(super) fn headers(self) -> &'a HeaderMap {
        self.headers
    }
}
