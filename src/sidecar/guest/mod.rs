//! The guest: what the static binary does inside the agent's container.
//!
//! It is copied into agent images as `/.bottle/guest` and called through the
//! engine's exec, so it starts in a few milliseconds: plain threads, blocking
//! I/O, no async runtime. It needs nothing from the image, not even a shell.

mod accounts;
mod adopt;
mod arrival;
mod attacks;
mod call;
mod changes;
mod exec;
pub(crate) mod files;
mod filter;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod init;
pub(crate) mod input;
mod ipv6;
mod limits;
mod lookup;
mod probe;
pub(crate) mod provision;
mod relay;
pub(crate) mod signals;
mod survey;
mod take;
mod tar_in;
mod tar_out;
mod trust_store;
mod wall;

pub use call::{run, words};
