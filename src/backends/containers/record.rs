//! What an engine reports, once it is read: typed records, whatever the engine's JSON looked like.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// An engine that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// The engine's version, such as `26.1.5`.
    pub version: String,
    /// The version's leading numbers, for comparing.
    pub numbers: (u32, u32),
    /// Whether the engine runs without root.
    pub rootless: bool,
    /// Whether limits of memory and processes are enforced.
    pub limits: bool,
    /// How much memory there is for all containers, in bytes.
    pub memory: Option<u64>,
    /// Whether an internal network can be made without an address of the host on it.
    pub bare_bridge: bool,
    /// The system on which containers run, such as `Debian GNU/Linux 12`.
    pub system: String,
}

/// What a listing tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing<T> {
    /// Names or ids only, of what carries the label.
    Names(Vec<String>),
    /// All there is to know, of everything: whoever asked looks at the labels.
    Records(Vec<T>),
}

/// The builder that all builds of one user share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuilderState {
    /// It is there and runs.
    Running,
    /// It is not there, or does not run.
    Stopped,
}

/// A container, running or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRecord {
    /// The name, without a leading slash.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Whether its first process runs.
    pub running: bool,
    /// The status of its first process, when that has ended.
    pub exit_code: Option<i32>,
    /// When it was created, as the engine says it.
    pub created: Option<String>,
    /// Its addresses by network.
    pub networks: BTreeMap<String, Endpoint>,
    /// The variables of its first process: those of its image, and the engine's own.
    pub env: Vec<String>,
    /// As whom its first process runs, where the engine tells it in words.
    pub user: Option<String>,
}

/// A container's place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address; `None` until it runs.
    pub address: Option<IpAddr>,
    /// The network's gateway, where the engine names one.
    pub gateway: Option<IpAddr>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkRecord {
    /// The name.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The host's bridge interface, where the engine names it.
    pub bridge: Option<String>,
    /// Whether the engine keeps what is sent on it from going anywhere else.
    pub internal: bool,
    /// The addresses that the engine set for the host on it.
    pub gateways: Vec<IpAddr>,
    /// When it was created, as the engine says it.
    pub created: Option<String>,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRecord {
    /// The content's digest.
    pub id: String,
    /// What it was made for, such as `linux/arm64`, where the engine names it.
    pub platform: Option<String>,
    /// The user that its processes run as; empty means root.
    pub user: String,
    /// The words before the command.
    pub entrypoint: Vec<String>,
    /// The command.
    pub command: Vec<String>,
    /// The steps that it brings into every build on top of it.
    pub on_build: Vec<String>,
}
