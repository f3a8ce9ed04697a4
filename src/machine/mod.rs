//! Floor 1: what is known about the machine that bottle runs on.
//!
//! Everything that depends on the system, its version or its settings reads [`Facts`]. They are
//! found on first use, or stated by `BOTTLE_HOST`: for tests, and to plan for another machine.

mod detect;
mod facts;
mod networks;
mod resolvers;

pub use detect::Machine;
pub use facts::{Architecture, Facts, InvalidFacts, Namespaces, System};
pub use networks::networks_in_use;
