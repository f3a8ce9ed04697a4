//! The guarding sidecar of a bottle, the agent's only way out, and the guest that runs beside the agent.
//!
//! Bytes from the agent become an intent in [`listen`]; [`gate`] decides about it and writes the
//! decision down; [`relay`] carries what has a permit. [`app`] puts the parts together. [`guest`]
//! is the same binary's role inside the agent's container.

#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod app;
pub mod audit;
pub mod control;
pub mod dlp;
pub mod gate;
pub mod guest;
mod headers;
pub mod limits;
pub mod listen;
pub mod native;
pub mod relay;
mod silence;
pub mod tls;
