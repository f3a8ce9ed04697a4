//! What an engine can do, as data: the launch path branches on this and on nothing else.

use std::net::IpAddr;

use serde::Serialize;

use super::record::EngineInfo;

/// What an engine can do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// How the internal network is kept free of the host.
    pub isolation: Isolation,
    /// What becomes of the host's address on the internal network.
    pub host_address: HostAddress,
    /// Who chooses the addresses of a network.
    pub addresses: Addresses,
    /// When a container gets its second network.
    pub second_network: SecondNetwork,
    /// Who may be the first on the internal network.
    pub first: First,
    /// Where the sidecar finds names.
    pub names: Names,
    /// Who owns a host's folder inside a container.
    pub mount_owner: MountOwner,
    /// The characters that the path of a mounted folder cannot hold.
    pub mount_marks: &'static [char],
    /// What can be mounted.
    pub mountable: Mountable,
    /// Who sets the kernel's network settings of a container.
    pub sysctls: Sysctls,
    /// What the engine shows of the build steps that an image brings.
    pub on_build: OnBuild,
    /// Where images are built.
    pub builder: Builder,
    /// What bounds a container's log.
    pub log: LogBound,
    /// Who keeps the agent's packets from the host's bridge.
    pub wall: Wall,
    /// Which limits are enforced, and by whom.
    pub limits: Limiting,
    /// How much memory there is for all containers, in bytes.
    pub memory: Option<u64>,
}

/// Who chooses the addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addresses {
    /// We do: the engine would give a network thousands, and so has only a few to give.
    Chosen,
    /// The engine.
    Engine,
}

/// When a container gets its second network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondNetwork {
    /// When it is created; the first one gives the default route.
    AtCreation,
    /// By a call of its own, before it starts.
    Connected,
}

/// Who may be the first on the internal network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// Anyone.
    Anyone,
    /// The sidecar: one that comes later was seen to lose its way out.
    Sidecar,
}

/// Where the sidecar finds names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// At the engine's own resolver.
    Engine,
    /// At a resolver that is stated, since the engine's own is not to be relied on.
    Stated {
        /// This machine's own, unless another one is named.
        host: Option<IpAddr>,
        /// The variable that names another one.
        variable: &'static str,
    },
}

/// Who sets the kernel's network settings of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sysctls {
    /// The engine, also those of IPv6.
    Engine,
    /// The engine; the kernel has no IPv6.
    EngineWithoutIpv6,
    /// Nobody: the guest tries from inside, and the sidecar refuses to serve with forwarding on.
    Inside,
}

/// What the engine shows of the build steps that an image brings (`ONBUILD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBuild {
    /// They are in the image's description, or our build has no network.
    Shown,
    /// They are only in the image's archive, and a build cannot be kept from the network.
    Archived,
}

/// Where images are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Builder {
    /// By the engine.
    Engine,
    /// In one container that all builds of this user share, with a resolver of its own.
    Shared,
}

/// Who keeps the agent's packets from the host's bridge, where a socket that is bound to an interface
/// needs no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// The guest, by a rule in the agent's own network, with a capability that the engine lends it.
    Guest,
    /// Nobody: the host is the network's gateway, and seen to be there.
    Nobody,
}

/// What bounds a container's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogBound {
    /// The engine.
    Engine,
    /// Nothing.
    Nothing,
}

/// Which limits are enforced, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limiting {
    /// None.
    Nobody,
    /// All of them, by the engine.
    Engine,
    /// Memory and whole CPUs by a machine of the container's own, processes by the guest inside.
    Machine {
        /// The least memory that such a machine can have, in bytes.
        least_memory: u64,
    },
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
    /// Nothing is done about it: the host is the network's gateway.
    HostGateway,
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

/// What can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mountable {
    /// Folders and files.
    Anything,
    /// Folders.
    Folders,
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
