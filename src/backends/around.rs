//! What stands around a running bottle, as seen from outside.

use std::net::IpAddr;

use bottle_contract::probe::TargetKind;

use super::request::HostAccess;

/// What stands around a running bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// Addresses that the agent must not reach, and what they are.
    pub targets: Vec<(TargetKind, IpAddr)>,
    /// What holds for the host's own services unless a manifest says otherwise.
    pub host_access: HostAccess,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            host_access: HostAccess::Refuse,
        }
    }
}
