//! The control channel: JSON lines over a Unix socket, and the `ctl` that relays them.

mod client;
mod forwarding;
mod server;

pub(crate) use forwarding::check as check_forwarding;

pub use client::relay;
pub use server::{Respond, bind, serve};
