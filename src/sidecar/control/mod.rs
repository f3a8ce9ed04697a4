//! The control channel: JSON lines over a Unix socket, and the `ctl` that relays them.

mod client;
mod server;

pub use client::relay;
pub use server::{Respond, bind, serve};
