//! How each engine is spoken to: argv out, bytes in, no I/O.
//!
//! Adding an engine is one file here and one folder of captured output.

mod compatible;
mod contract;
mod docker;
mod podman;

pub use contract::{Dialect, ParseError};
pub use docker::Docker;
pub use podman::Podman;
