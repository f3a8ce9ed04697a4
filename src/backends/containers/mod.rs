//! One launch path for every container engine.
//!
//! A dialect says how an engine is spoken to, `plan` says what is to be made,
//! and `phases` makes it: Fresh, Networked, Guarded, Sealed. Nothing here
//! branches on an engine's name, only on [`Capabilities`].

mod again;
mod archive;
mod around;
mod backend;
mod builder;
mod capabilities;
pub mod dialect;
mod engine;
mod error;
mod images;
mod listing;
mod mounts;
pub(super) mod oracle;
mod phases;
mod plan;
mod probe;
mod record;
mod request;
pub(super) mod seal;
mod sidecar;
mod sketch;
mod snapshot;
mod subnets;

pub use backend::Containers;
pub use capabilities::{
    Builder, Capabilities, First, HostAddress, Isolation, Limiting, LogBound, MountOwner, Names,
    OnBuild, SecondNetwork, Sysctls, Wall,
};
pub use engine::Engine;
pub use error::{EngineError, ErrorKind};
pub(super) use images::public_roots;
pub(crate) use oracle::host_addresses;
pub(super) use phases::random_hex;
pub use record::{BuilderState, ContainerRecord, EngineInfo, ImageRecord, Listing, NetworkRecord};
pub use request::{ContainerSpec, ExecSpec, NetworkKind, NetworkSpec, Request, Scratch};
