//! What is left of a body that goes nowhere.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::limits;

/// Reads some of a body away. An agent that is still sending would otherwise meet a closed
/// connection before it has read why its request was refused.
pub(crate) fn drain(body: Incoming) {
    let mut body = Limited::new(body, limits::DISCARDED_BYTES);
    let drained = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(timeout(limits::DISCARDING, drained));
}
