//! What the `bottle` CLI and its sidecar agree on.
//!
//! Floor 0 of the design: names, policy, and the messages between the two
//! programs. Nothing here does I/O, reads a clock, or draws a random number, so
//! `bottle check` and the proxy cannot disagree: they call the same function.

#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod address;
pub mod attack;
pub mod attempts;
pub mod audit;
pub mod config;
pub mod control;
pub mod dlp;
pub mod guest;
pub mod host;
pub mod id;
pub mod intent;
pub mod labels;
pub mod live;
pub mod native;
pub mod path;
pub mod policy;
pub mod probe;
pub mod secret;
mod text;
pub mod tree;
pub mod verdict;
