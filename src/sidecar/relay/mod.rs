//! Carries permitted requests. Nothing here can be called without a [`crate::gate::Permit`].

mod body;
mod dial;
mod drain;
mod failure;
mod forward;
mod frames;
mod handshake;
mod lanes;
mod line;
mod messages;
mod pool;
mod websocket;

pub use body::{BrokenOff, Relayed};
pub use dial::{Dial, Dialling};
pub(crate) use drain::drain;
pub use failure::{Failure, Kind, Phase, Unanswered};
pub use forward::{Relay, Switched};
pub use handshake::{BadHandshake, Handshake};
pub use websocket::Conversation;
