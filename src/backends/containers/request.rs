//! What is asked of an engine: typed, so that a dialect is a pure function.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ipnet::Ipv4Net;

use super::capabilities::Isolation;

/// One call of an engine's command line.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Asks the program for its own version, which needs no engine.
    Version,
    /// Asks who is there: version, and how it runs.
    Info,
    /// Starts the engine.
    StartEngine,
    /// Describes an image.
    InspectImage(String),
    /// Fetches an image from its registry.
    PullImage(String),
    /// Writes an image as an archive (OCI layout).
    SaveImage {
        /// The image.
        image: String,
        /// The file.
        to: PathBuf,
        /// Of an image for several platforms, this one's: `linux/arm64`.
        platform: Option<String>,
    },
    /// Writes a container's file system as an archive.
    Export {
        /// The container.
        container: String,
        /// The file.
        to: PathBuf,
    },
    /// Removes an image's name, and the image when it has no other one.
    RemoveImage(String),
    /// Builds an image.
    BuildImage(BuildSpec),
    /// Describes the shared builder.
    InspectBuilder,
    /// Starts the shared builder.
    StartBuilder {
        /// The resolver that its steps ask; `None` leaves the engine's.
        resolver: Option<String>,
    },
    /// Stops the shared builder, and whatever it builds.
    StopBuilder,
    /// Makes a network.
    CreateNetwork(NetworkSpec),
    /// Connects a container to one more network.
    Connect {
        /// The network.
        network: String,
        /// The container.
        container: String,
    },
    /// Describes networks.
    InspectNetworks(Vec<String>),
    /// Lists the networks that carry a label, or all of them.
    ListNetworks {
        /// The label's key.
        label: &'static str,
    },
    /// Removes a network.
    RemoveNetwork(String),
    /// Makes a container without starting it.
    CreateContainer(Box<ContainerSpec>),
    /// Starts a container.
    Start(String),
    /// Describes containers.
    InspectContainers(Vec<String>),
    /// Lists the containers that carry a label, or all of them.
    ListContainers {
        /// The label's key.
        label: &'static str,
    },
    /// Runs one more program in a container.
    Exec(ExecSpec),
    /// Runs a program of ours in a container with every capability, for the moment that it takes.
    ExecPrivileged(ExecSpec),
    /// Shows what a container's first process has printed.
    Logs {
        /// The container.
        container: String,
        /// Until when.
        until: LogsUntil,
    },
    /// Ends a container's processes: asks first, then kills.
    Stop {
        /// The container.
        container: String,
        /// How long they may take, in seconds.
        seconds: u32,
    },
    /// Kills and removes a container.
    RemoveContainer(String),
}

/// Until when logs are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogsUntil {
    /// What is there now.
    Now,
    /// Until the container ends.
    End,
}

/// An image to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildSpec {
    /// Its name and tag.
    pub tag: String,
    /// The Dockerfile.
    pub file: PathBuf,
    /// The folder that the build may read.
    pub context: PathBuf,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<&'static str, String>,
    /// What the build's steps may reach.
    pub network: BuildNetwork,
}

/// What a build's steps may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildNetwork {
    /// What the engine's own builds reach: the user's Dockerfile, which was trusted.
    Engines,
    /// Nothing: our own layer, on an image that nobody vouches for.
    None,
}

/// A network to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<&'static str, String>,
    /// What it is for.
    pub kind: NetworkKind,
    /// Its addresses, where the engine does not choose them.
    pub subnet: Option<Subnet>,
}

/// The addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subnet {
    /// A block that is free when the network is made: what a plan knows.
    Free,
    /// This block.
    At(Ipv4Net),
}

impl fmt::Display for Subnet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => out.write_str("<free>"),
            Self::At(block) => block.fmt(out),
        }
    }
}

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// The agent's: no way out.
    Internal(Isolation),
    /// The sidecar's way out.
    Egress,
}

/// A container to make.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// Its host name.
    pub hostname: String,
    /// The image.
    pub image: String,
    /// Labels.
    pub labels: BTreeMap<&'static str, String>,
    /// The networks that it is created on; the first one gives the default route.
    pub networks: Vec<String>,
    /// `user` or `user:group`.
    pub user: String,
    /// The program, instead of the image's own.
    pub entrypoint: String,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Kernel settings of its network; none where the engine cannot set them.
    pub sysctls: BTreeMap<&'static str, &'static str>,
    /// What it asks for names.
    pub resolver: Resolver,
    /// Whether its root file system is read-only.
    pub root: RootFs,
    /// Folders of the host that it sees.
    pub mounts: Vec<Mount>,
    /// Limits.
    pub limits: SpecLimits,
}

/// What a container asks for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// The engine's own resolver.
    Engine,
    /// Nobody.
    Nobody,
    /// This one.
    At(String),
}

/// Whether a root file system can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootFs {
    /// Written to a layer that goes with the container.
    Writable,
    /// Read-only but for these folders in memory.
    ReadOnly {
        /// The folders.
        scratch: Vec<Scratch>,
    },
}

/// A folder in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scratch {
    /// Where.
    pub folder: String,
    /// Its permissions, as `chmod` takes them.
    pub mode: u32,
}

/// A folder of the host that a container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// In the container.
    pub target: String,
    /// Whether the container may write to it.
    pub access: Access,
    /// Whose folder it is.
    pub owner: Owner,
}

/// Whose folder is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Made for this bottle: nothing else on the host uses it.
    Bottle,
    /// The user's: others use it too.
    User,
}

/// What a container may do with a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// Limits of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecLimits {
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// CPUs.
    pub cpus: Option<f64>,
}

/// One more program to run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSpec {
    /// The container.
    pub container: String,
    /// The user; `None` means the container's.
    pub user: Option<String>,
    /// What is connected.
    pub streams: Streams,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// What of an exec is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Output only.
    Output,
    /// Input and output.
    InputOutput,
    /// A terminal.
    Terminal,
}
