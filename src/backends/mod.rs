//! Floor 3: how a bottle comes to exist somewhere.
//!
//! [`Backend`] is the seam: the launcher sees nothing else. A backend makes,
//! seals, lists and removes; it never prints, never reads the environment, and
//! knows nothing of manifests.

mod around;
mod backend;
mod checked_out;
pub mod containers;
mod copied_base;
mod copying;
pub(crate) mod environment;
pub mod native;
mod registry;
mod request;
mod workspace;

pub use around::Around;
pub use backend::{
    Backend, BackendError, Consumer, Follow, Ground, Home, Interrupted, Probe, Problem, Producer,
    Progress, Woken,
};
pub(crate) use containers::host_addresses;
pub use copied_base::{CopiedBase, Copying, copying};
pub use registry::{NAMES, Registry, UnknownBackend};
pub use request::{
    ExecOptions, Guarded, HostAccess, ImageSource, LaunchRequest, Launched, Limits, Plan,
    RootAccess, Sharing, SidecarSettings, Snapshot, Step, Terminal, UserChoice, Workspace,
};
pub use workspace::write_tar;
