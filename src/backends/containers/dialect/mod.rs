//! How each engine is spoken to: argv out, bytes in, no I/O.
//!
//! Adding an engine is one file here and one folder of captured output.

mod apple;
mod apple_json;
mod compatible;
mod contract;
mod docker;
mod podman;
mod words;

pub use apple::Apple;
pub use contract::{Dialect, ParseError, VersionedBy};
pub(super) use contract::{version_in, version_numbers};
pub use docker::Docker;
pub use podman::Podman;
