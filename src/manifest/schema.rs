//! The tables and keys of the two kinds of file. Their doc comments are what editors show.

use std::collections::BTreeMap;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{OnMatch, Unscannable};
use bottle_contract::host::HostPattern;
use bottle_contract::id::Name;
use bottle_contract::intent::Method;
use bottle_contract::path::PathPattern;
use bottle_contract::policy::GitAccess;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::value::{
    ArgName, At, BasicUser, Command, Cpus, EnvName, EnvValue, FilePath, HeaderName, ImageReference,
    Memory, Names, Pids, Ports, Prompt, Read, SecretValue, UserSpec, Word, Workdir,
};

/// The two kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An `agent.toml`: what to run.
    Agent,
    /// A bottle file: what it may do.
    Bottle,
}

impl Kind {
    /// The keys that only an agent file has.
    pub(super) const AGENT_ONLY: [&'static str; 5] =
        ["name", "bottle", "command", "prompt", "prompt-file"];
    /// The keys that only a bottle file has.
    pub(super) const BOTTLE_ONLY: [&'static str; 1] = ["extends"];
}

/// Returns the JSON Schema of one kind of file, for editors.
pub fn json_schema(kind: Kind) -> serde_json::Value {
    let generator = SchemaGenerator::default();
    let schema = match kind {
        Kind::Agent => generator.into_root_schema_for::<AgentFile>(),
        Kind::Bottle => generator.into_root_schema_for::<BottleFile>(),
    };
    schema.into()
}

/// An agent: what to run, in which bottle, on which terms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "agent.toml")]
pub(super) struct AgentFile {
    /// The agent's name, in kebab-case. Default: the file's name without its ending.
    pub(super) name: Option<At<Read<Name>>>,
    /// The policies, by name, folded from left to right: one name or a list.
    pub(super) bottle: Option<At<Names>>,
    /// The program and its arguments. Default: the image's own command.
    pub(super) command: Option<Command>,
    /// What the agent is asked to do: the last word of the command, and a file in the bottle.
    pub(super) prompt: Option<At<Read<Prompt>>>,
    /// A file that holds the prompt.
    pub(super) prompt_file: Option<At<Read<FilePath>>>,
    /// The folder in the bottle where the command starts. Default: `/workspace`.
    pub(super) workdir: Option<At<Read<Workdir>>>,
    /// What the agent runs on.
    pub(super) image: Option<At<ImageTable>>,
    /// The folder of the host that the agent works on. Default: none.
    pub(super) workspace: Option<At<WorkspaceTable>>,
    /// The agent's environment variables.
    #[serde(default)]
    pub(super) env: EnvTable,
    /// The bounds of what the agent may use up.
    pub(super) resources: Option<ResourcesTable>,
    /// What the agent may reach. Default: nothing.
    pub(super) egress: Option<EgressTable>,
    /// What is done about secrets on their way out.
    pub(super) dlp: Option<DlpTable>,
    /// How strict the check of the walls is.
    pub(super) seal: Option<SealTable>,
    /// What counts only on the backend `native`, which has no image.
    pub(super) native: Option<NativeTable>,
}

/// A bottle: what an agent may do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "bottle")]
pub(super) struct BottleFile {
    /// The bottles that this one builds on: one name or a list.
    pub(super) extends: Option<At<Names>>,
    /// The folder in the bottle where the command starts. Default: `/workspace`.
    pub(super) workdir: Option<At<Read<Workdir>>>,
    /// What the agent runs on.
    pub(super) image: Option<At<ImageTable>>,
    /// The folder of the host that the agent works on. Default: none.
    pub(super) workspace: Option<At<WorkspaceTable>>,
    /// The agent's environment variables.
    #[serde(default)]
    pub(super) env: EnvTable,
    /// The bounds of what the agent may use up.
    pub(super) resources: Option<ResourcesTable>,
    /// What the agent may reach. Default: nothing.
    pub(super) egress: Option<EgressTable>,
    /// What is done about secrets on their way out.
    pub(super) dlp: Option<DlpTable>,
    /// How strict the check of the walls is.
    pub(super) seal: Option<SealTable>,
    /// What counts only on the backend `native`, which has no image.
    pub(super) native: Option<NativeTable>,
}

/// The agent's environment variables.
pub(super) type EnvTable = BTreeMap<At<Read<EnvName>>, At<EnvValue>>;

/// What the agent runs on: an image by reference, or one built from a Dockerfile.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of the image's keys"
)]
pub(super) struct ImageTable {
    /// An image by its reference. Excludes `dockerfile`.
    pub(super) reference: Option<At<Read<ImageReference>>>,
    /// The Dockerfile to build the image from. Excludes `reference`.
    pub(super) dockerfile: Option<At<Read<FilePath>>>,
    /// The folder whose files the build may copy. Default: the Dockerfile's own folder.
    pub(super) context: Option<At<Read<FilePath>>>,
    /// The build's arguments.
    pub(super) args: Option<At<BTreeMap<Read<ArgName>, Read<Word>>>>,
    /// The user that the agent runs as: `root`, `<uid>` or `<uid>:<gid>`. Default: the image's
    /// own user if it is not root, else an unprivileged one.
    pub(super) user: Option<At<Read<UserSpec>>>,
    /// Whether the root file system is read-only. Default: false.
    pub(super) read_only: Option<At<bool>>,
}

/// The folder of the host that the agent works on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of the workspace's keys"
)]
pub(super) struct WorkspaceTable {
    /// The folder on the host. Default: the folder of the agent file.
    pub(super) source: Option<At<Read<FilePath>>>,
    /// How the agent gets it. Default: `copy`, so that the host's files are never written.
    pub(super) mode: Option<At<ModeChoice>>,
}

/// How the agent gets the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeChoice {
    /// A copy; the host's files are never written.
    Copy,
    /// The folder itself; the agent can change the host's files.
    Mount,
    /// The folder itself, read-only.
    MountRo,
    /// Not at all.
    None,
}

/// The bounds of what the agent may use up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of bounds"
)]
pub(super) struct ResourcesTable {
    /// The number of processors, also a part of one.
    pub(super) cpus: Option<At<Cpus>>,
    /// The memory, with its unit: `512MiB`, `2GiB`.
    pub(super) memory: Option<At<Read<Memory>>>,
    /// The number of processes.
    pub(super) pids: Option<At<Pids>>,
}

/// What the agent may reach.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of what may be reached"
)]
pub(super) struct EgressTable {
    /// What goes into the audit log. Default: `decisions`.
    pub(super) log: Option<At<LogChoice>>,
    /// Files of certificates (PEM) that are trusted for the connections to the outside, beside
    /// the public roots.
    #[serde(default)]
    pub(super) extra_ca: Vec<At<Read<FilePath>>>,
    /// The resolver that the sidecar asks when this machine's settings name none that a container
    /// can reach. Only on backends whose own resolver is not to be relied on.
    pub(super) fallback_resolver: Option<At<Read<std::net::IpAddr>>>,
    /// The routes, in the order in which they are tried.
    #[serde(default)]
    pub(super) routes: Vec<At<RouteTable>>,
}

/// What goes into the audit log.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LogChoice {
    /// Denials only.
    None,
    /// Every decision.
    Decisions,
    /// Every decision, with the headers of requests and responses; values that may be credentials
    /// are masked.
    Headers,
}

/// One thing that the agent may reach.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of a route's keys"
)]
pub(super) struct RouteTable {
    /// The host: `api.example.com`, or `*.example.com` for one or more labels below it.
    pub(super) host: Read<HostPattern>,
    /// The port or ports. Default: 443 and 80, or 443 alone when the route has `auth`.
    pub(super) port: Option<Ports>,
    /// The methods. Default: all.
    pub(super) methods: Option<Vec<Read<Method>>>,
    /// The paths: `*` stands for a part of one segment, `**` for any number of segments.
    /// Default: all.
    pub(super) paths: Option<Vec<Read<PathPattern>>>,
    /// The address to dial: no DNS is asked. The only way to an address that is not public.
    pub(super) address: Option<Read<std::net::IpAddr>>,
    /// The credential that is put in outside the agent's reach.
    pub(super) auth: Option<At<AuthTable>>,
    /// What git may do over HTTP. Default: `none`.
    pub(super) git: Option<GitChoice>,
    /// What a secret does that is found on its way to this route. Default: what `[dlp]` says.
    pub(super) on_match: Option<OnMatchChoice>,
    /// What becomes of a body that cannot be scanned. Default: what `[dlp]` says.
    pub(super) unscannable: Option<UnscannableChoice>,
}

/// What git may do over HTTP.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GitChoice {
    /// Nothing.
    None,
    /// Clone and fetch.
    Fetch,
}

/// A credential, and how it goes into a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as `{ scheme = \"bearer\", secret = { host = \"VARIABLE\" } }`"
)]
pub(super) struct AuthTable {
    /// Where the credential goes.
    pub(super) scheme: AuthChoice,
    /// The user name; with `basic` only.
    pub(super) user: Option<At<Read<BasicUser>>>,
    /// The header's name; with `header` only.
    pub(super) name: Option<At<Read<HeaderName>>>,
    /// Where the credential comes from.
    pub(super) secret: SecretValue,
}

/// Where a credential goes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AuthChoice {
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// `Authorization: Basic <user and secret>`.
    Basic,
    /// A header of its own, with the secret as it is.
    Header,
}

/// What is done about secrets on their way out. All that leaves is scanned, also without this table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of what is done about secrets"
)]
pub(super) struct DlpTable {
    /// Files of further rules, in the format of gitleaks.
    #[serde(default)]
    pub(super) rules: Vec<At<Read<FilePath>>>,
    /// What a match does. Default: `block`.
    pub(super) on_match: Option<At<OnMatchChoice>>,
    /// What becomes of a body that cannot be scanned. Default: `deny`.
    pub(super) unscannable: Option<At<UnscannableChoice>>,
    /// Whether text that looks random is reported; it is never stopped for that. Default: false.
    pub(super) entropy: Option<At<bool>>,
    /// Whether a random value lies in the bottle as a trap. Default: true.
    pub(super) canary: Option<At<bool>>,
}

/// What a match does.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnMatchChoice {
    /// The request is stopped.
    Block,
    /// What matched is replaced in a body; anywhere else the request is stopped.
    Redact,
}

/// What becomes of a body that cannot be scanned.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnscannableChoice {
    /// The request is stopped.
    Deny,
    /// It goes on as it is.
    Pass,
}

/// How strict the check of the walls is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of the seal's keys"
)]
pub(super) struct SealTable {
    /// What happens when the agent can reach services of the host. Default: the backend's.
    pub(super) host_access: Option<At<HostAccess>>,
}

/// What counts only on the backend `native`, which has no image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table of the native backend's keys"
)]
pub(super) struct NativeTable {
    /// More of this machine's files and folders that the agent may read, at the same places.
    #[serde(default)]
    pub(super) paths: Vec<At<Read<FilePath>>>,
}

/// What happens when the agent can reach services of the host that its backend cannot close off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostAccess {
    /// The agent does not start.
    Refuse,
    /// The agent starts, and what was found is listed.
    Warn,
}

impl From<LogChoice> for LogLevel {
    fn from(choice: LogChoice) -> Self {
        match choice {
            LogChoice::None => Self::None,
            LogChoice::Decisions => Self::Decisions,
            LogChoice::Headers => Self::Headers,
        }
    }
}

impl From<OnMatchChoice> for OnMatch {
    fn from(choice: OnMatchChoice) -> Self {
        match choice {
            OnMatchChoice::Block => Self::Block,
            OnMatchChoice::Redact => Self::Redact,
        }
    }
}

impl From<UnscannableChoice> for Unscannable {
    fn from(choice: UnscannableChoice) -> Self {
        match choice {
            UnscannableChoice::Deny => Self::Deny,
            UnscannableChoice::Pass => Self::Pass,
        }
    }
}

impl From<GitChoice> for GitAccess {
    fn from(choice: GitChoice) -> Self {
        match choice {
            GitChoice::None => Self::None,
            GitChoice::Fetch => Self::Fetch,
        }
    }
}
