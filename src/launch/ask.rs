//! Asks the sidecar of a running bottle over its control channel.

use anyhow::anyhow;
use bottle_contract::audit::Head;
use bottle_contract::control::{Reply, Request};
use bottle_contract::id::BottleId;

use crate::backends::Backend;
use crate::error::{Error, Result};

/// Asks, and returns the answer; what the sidecar refuses is an error in its words.
pub fn ask(backend: &dyn Backend, id: &BottleId, request: &Request) -> Result<Reply> {
    let line = serde_json::to_string(request).map_err(Error::internal)?;
    let answer = backend.control(id, &line)?;
    match serde_json::from_str(&answer).map_err(Error::engine)? {
        Reply::Error { message } => Err(Error::user(anyhow!("the sidecar refused: {message}"))),
        reply => Ok(reply),
    }
}

/// Asks where the audit log ends, for a bottle that is about to go: nobody else remembers it.
/// `None` where the sidecar answers no more.
pub(super) fn audit_head(backend: &dyn Backend, id: &BottleId) -> Option<Head> {
    match ask(backend, id, &Request::AuditHead) {
        Ok(Reply::AuditHead { head }) => Some(head),
        Ok(_) | Err(_) => None,
    }
}

/// The error of an answer to another question than the one that was asked.
pub fn unfit(reply: &Reply) -> Error {
    Error::engine(anyhow!(
        "the sidecar gave an answer that does not fit: {reply:?}"
    ))
}
