//! The gate: the one place that decides, and the only maker of a [`Permit`].

mod asked;
mod credential;
mod decide;
mod grant;
mod names;
mod permit;
mod refusal;
mod rules;
mod scan;
mod swap;
mod watch;

pub use asked::Asked;
pub use credential::{Credential, InvalidSecret};
pub use decide::{Gate, Settings};
pub use names::{LookUp, Resolve};
pub use permit::{Permit, Tunnel};
pub use refusal::{Refusal, Rejected};
pub use rules::ReloadError;
pub use scan::BadScan;
pub use watch::{Stopped, Watch};
