//! What an engine can do, as data: the launch path branches on this and on nothing else.

use serde::Serialize;

use super::record::EngineInfo;

/// What an engine can do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// How the internal network is kept free of the host.
    pub isolation: Isolation,
    /// What becomes of the host's address on the internal network.
    pub host_address: HostAddress,
    /// Who owns a host's folder inside a container.
    pub mount_owner: MountOwner,
    /// Whether containers have IPv6 to switch off.
    pub ipv6: bool,
    /// Whether limits of CPU, memory and processes are enforced.
    pub limits: bool,
    /// How much memory there is for all containers, in bytes.
    pub memory: Option<u64>,
}

/// How the internal network is kept free of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// docker 28 and later: the bridge gets no address at all, neither IPv4 nor IPv6.
    IsolatedGateway,
    /// docker before 28: the bridge gets no IPv4 address.
    InhibitedAddress,
    /// podman: without the engine's resolver an internal bridge gets no IPv4 address either.
    NoResolver,
}

/// What becomes of the host's address on the internal network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAddress {
    /// The engine leaves it out.
    Omitted,
    /// The engine sets it, and it stays: the host's own services answer there.
    Present,
}

impl HostAddress {
    /// Says what becomes of it on this engine.
    pub(super) fn of(info: &EngineInfo) -> Self {
        if info.bare_bridge {
            Self::Omitted
        } else {
            Self::Present
        }
    }
}

/// Who owns a host's folder inside a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountOwner {
    /// User ids are the same inside and outside.
    SameId,
    /// The container's root is the user who runs the engine; other ids are strangers outside.
    RootIsUser,
}
