//! One launch path for every container engine.
//!
//! A dialect says how an engine is spoken to, `plan` says what is to be made,
//! and `phases` makes it: Fresh, Networked, Guarded, Sealed. Nothing here
//! branches on an engine's name, only on [`Capabilities`].

mod backend;
mod capabilities;
pub mod dialect;
mod engine;
mod error;
mod images;
mod listing;
mod oracle;
mod phases;
mod plan;
mod probe;
mod record;
mod request;
mod seal;
mod sidecar;
mod sketch;

pub use backend::Containers;
pub use capabilities::{Capabilities, HostAddress, Isolation, MountOwner};
pub use engine::Engine;
pub use error::{EngineError, ErrorKind};
pub use record::{ContainerRecord, EngineInfo, ImageRecord, NetworkRecord};
pub use request::{ContainerSpec, ExecSpec, NetworkKind, NetworkSpec, Request, Scratch};
