//! Bottles made of the kernel's namespaces, without an engine: the default on a Linux machine that has none.
//!
//! Everything that enters namespaces is done by the static binary in a role of its own; here is what
//! it is told, what is remembered of a bottle, and how the wall is judged.

mod backend;
mod folder;
mod group;
mod launch;
mod network;
mod plan;
mod probe;

pub use backend::Native;
