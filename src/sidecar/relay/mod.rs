//! Carries permitted requests. Nothing here can be called without a [`crate::gate::Permit`].

mod body;
mod dial;
mod failure;
mod forward;
mod frames;
mod handshake;
mod lanes;
mod line;
mod pool;
mod websocket;

pub use body::Relayed;
pub use dial::{Dial, Dialling};
pub use failure::{Failure, Kind, Phase};
pub use forward::{Relay, Switched};
pub use handshake::{BadHandshake, Handshake};
pub use websocket::Conversation;
