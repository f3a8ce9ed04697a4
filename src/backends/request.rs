//! What a backend is asked to launch, and what it hands back: neutral to how it does it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::Dlp;
use bottle_contract::id::BottleId;
use bottle_contract::labels::Labels;
use bottle_contract::policy::Policy;
use bottle_contract::secret::Secret;
use ipnet::Ipv4Net;
use serde::Serialize;

/// Everything that a bottle is made of.
#[derive(Clone, Debug)]
pub struct LaunchRequest {
    /// The id and the labels that go on every resource.
    pub labels: Labels,
    /// What the agent runs in.
    pub image: ImageSource,
    /// As whom.
    pub user: UserChoice,
    /// Whether the agent's root file system is read-only.
    pub root: RootAccess,
    /// Limits of the agent.
    pub limits: Limits,
    /// The agent's files.
    pub workspace: Option<Workspace>,
    /// Where the agent's command starts.
    pub workdir: String,
    /// The agent's command; `None` means the image's.
    pub command: Option<Vec<String>>,
    /// The prompt, brought in as a file.
    pub prompt: Option<String>,
    /// The agent's variables.
    pub env: BTreeMap<String, Secret>,
    /// The sidecar's settings.
    pub sidecar: SidecarSettings,
    /// The block from which its networks are taken; our own ones unless one is named.
    pub subnets: Option<Ipv4Net>,
    /// More of the host's files and folders that the agent may read, for a backend without images.
    pub paths: Vec<PathBuf>,
    /// What to do when the host answers on the internal network; `None` means the backend's default.
    pub host_access: Option<HostAccess>,
    /// How long the agent's command may take; what runs inside ends it then, with or without a launcher.
    pub timeout: Option<Duration>,
}

/// What the agent runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// None: what is installed on the host, for a backend without images.
    Host,
    /// An image by name.
    Reference(String),
    /// Nothing but the guest: for a bottle that runs no program of anybody else's.
    Empty,
    /// An image to build first.
    Dockerfile {
        /// The Dockerfile.
        file: PathBuf,
        /// The folder that the build may read.
        context: PathBuf,
        /// Build arguments.
        args: BTreeMap<String, String>,
    },
}

/// As whom the agent runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChoice {
    /// The image's own user when that is not root; else this unprivileged one.
    Unprivileged {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
    /// Root, because the manifest asks for it.
    Root,
    /// This one.
    Numeric {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
}

/// Whether a root file system can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootAccess {
    /// It can, in a layer that goes with the bottle.
    Writable,
    /// It cannot, but for folders in memory: `/tmp`, `/run`, a home of our own and the workspace.
    ReadOnly,
}

/// Limits of the agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// CPUs.
    pub cpus: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// The agent's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The folder on the host.
    pub source: PathBuf,
    /// How the agent gets it.
    pub sharing: Sharing,
    /// What the agent may not write though the folder is mounted: paths in the folder.
    pub guarded: Vec<Guarded>,
}

/// Something in a mounted folder that has a mount of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// It can be written and cannot be moved: a mount is where it is.
    Pinned(PathBuf),
    /// A folder that can only be read.
    Folder(PathBuf),
    /// A file that can only be read.
    OneFile(PathBuf),
}

/// How the agent gets its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// A copy: the host's folder is never written.
    Copy,
    /// The folder itself.
    Mount,
    /// The folder itself, read-only.
    MountReadOnly,
}

/// What to do when the host answers on the internal network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAccess {
    /// Do not start.
    Refuse,
    /// Say so and start.
    Warn,
}

/// What the sidecar needs.
#[derive(Clone, Debug)]
pub struct SidecarSettings {
    /// The static binary, on the host.
    pub binary: PathBuf,
    /// The folder on the host into which the sidecar writes its audit log.
    pub audit_dir: PathBuf,
    /// What the agent may reach.
    pub policy: Policy,
    /// The credentials by the names that the policy uses.
    pub secrets: BTreeMap<String, Secret>,
    /// Certificates (PEM) that are trusted beside the public roots.
    pub extra_ca: Vec<String>,
    /// What goes into the audit log.
    pub log: LogLevel,
    /// How what leaves is scanned.
    pub dlp: Dlp,
    /// The user and group that own the audit folder.
    pub owner: (u32, u32),
    /// The resolver that it asks instead of this machine's, where the engine's is not relied on.
    pub resolver: Option<IpAddr>,
    /// The resolver that it asks when this machine has none.
    pub fallback_resolver: Option<IpAddr>,
}

/// An image to make of a bottle's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The image's name and tag.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<&'static str, String>,
}

/// A bottle that is sealed: its agent may start.
#[derive(Debug)]
pub struct Launched {
    /// The agent's command as it runs; the user's terminal is to be attached to it.
    pub command: Vec<String>,
    /// What a person must know: a hole that was accepted.
    pub warnings: Vec<String>,
    /// What a person may want to know.
    pub notes: Vec<String>,
}

/// What a launch would do, without doing any of it.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The backend.
    pub backend: &'static str,
    /// The calls, in order, as they paste into a shell; `<…>` stands for what is known only then.
    pub steps: Vec<Step>,
    /// What a person should know about this launch.
    pub notes: Vec<String>,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The phase that it belongs to.
    pub phase: &'static str,
    /// The call.
    pub command: String,
}

/// How to run one more program in a bottle.
#[derive(Clone, Debug)]
pub struct ExecOptions {
    /// The bottle.
    pub id: BottleId,
    /// What is connected.
    pub terminal: Terminal,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// What of the user's is connected to a program in a bottle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The user's terminal.
    Attached,
    /// Plain streams.
    Streams,
}
