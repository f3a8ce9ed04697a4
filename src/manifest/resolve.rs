//! The folded manifest with every default set: what the floors above work with. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{Entropy, OnMatch, RuleText, Unscannable};
use bottle_contract::host::HostPattern;
use bottle_contract::id::Name;
use bottle_contract::policy::{Auth, Policy, Route};
use serde::Serialize;

use super::error::ManifestError;
use super::layer::{ImageSource, Layer};
use super::load::Loaded;
use super::place::{Place, Placed, escaped, path_as_text, paths_as_text};
use super::schema::{HostAccess, ModeChoice};
use super::value::{EnvName, EnvSource, ImageReference, SecretSource, UserSpec, Word};

/// Where the command starts when no file says so.
const DEFAULT_WORKDIR: &str = "/workspace";

/// All that is known about a bottle before it is launched.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resolved {
    /// The agent's name.
    pub name: Name,
    /// SHA-256 in hex over the bytes of all files that took part, in order.
    pub digest: String,
    /// The files that took part, in order.
    #[serde(serialize_with = "paths_as_text")]
    pub sources: Vec<PathBuf>,
    /// The command without the prompt; `None` is the image's own. See [`Resolved::argv`].
    pub command: Option<Vec<String>>,
    /// What the agent is asked to do.
    pub prompt: Option<String>,
    /// How the prompt gets to the agent, beside lying in a file in the bottle.
    pub prompt_delivery: PromptDelivery,
    /// The folder in the bottle where the command starts.
    pub workdir: String,
    /// What the agent's container is made from.
    pub image: Option<ImageSource>,
    /// The user that the agent runs as; `None` leaves it to the image, but never to root.
    pub user: Option<UserSpec>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// The folder of the host that the agent works on.
    pub workspace: Option<Workspace>,
    /// The agent's variables.
    pub env: BTreeMap<String, EnvSource>,
    /// The bounds of what the agent may use up.
    pub resources: Resources,
    /// What the agent may reach.
    pub egress: Egress,
    /// How what leaves is scanned for secrets.
    pub dlp: Dlp,
    /// What happens when services of the host can be reached; `None` is the backend's default.
    pub host_access: Option<HostAccess>,
    /// More of this machine's files and folders that the agent may read, on a backend without images.
    #[serde(serialize_with = "paths_as_text")]
    pub native_paths: Vec<PathBuf>,
}

/// How the prompt gets to the agent, beside lying in a file in the bottle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptDelivery {
    /// As the last word of the command.
    LastWord,
    /// In the file alone: there is no prompt, or the command is not the manifest's.
    FileOnly,
}

/// The folder of the host that the agent works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Workspace {
    /// The folder on the host.
    #[serde(serialize_with = "path_as_text")]
    pub source: PathBuf,
    /// How the agent gets it.
    pub mode: WorkspaceMode,
}

/// How the agent gets the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceMode {
    /// A copy; the host's files are never written.
    Copy,
    /// The folder itself; the agent can change the host's files.
    Mount,
    /// The folder itself, read-only.
    MountReadOnly,
}

/// The bounds of what the agent may use up; `None` is the launcher's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resources {
    /// The number of processors.
    pub cpus: Option<f64>,
    /// The memory in bytes.
    pub memory: Option<u64>,
    /// The number of processes.
    pub pids: Option<u32>,
}

/// What the agent may reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Egress {
    /// What goes into the audit log.
    pub log: LogLevel,
    /// The files of certificates that are trusted beside the public roots.
    #[serde(serialize_with = "paths_as_text")]
    pub extra_ca: Vec<PathBuf>,
    /// What stood in those files when they were read: use this, they may change.
    #[serde(skip)]
    pub certificates: Vec<String>,
    /// The resolver that is asked when this machine names none.
    pub fallback_resolver: Option<IpAddr>,
    /// The routes, in the order in which they are tried.
    pub routes: Vec<ResolvedRoute>,
}

/// How what leaves is scanned for secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dlp {
    /// What a match does, where the route says nothing else.
    pub on_match: OnMatch,
    /// What becomes of a body that cannot be scanned, where the route says nothing else.
    pub unscannable: Unscannable,
    /// Whether text that looks random is reported.
    pub entropy: Entropy,
    /// Whether a value lies in the bottle as a trap.
    pub canary: Canary,
    /// The files of further rules.
    #[serde(serialize_with = "paths_as_text")]
    pub rules: Vec<PathBuf>,
    /// What stood in those files when they were read: use this, they may change.
    #[serde(skip)]
    pub rule_texts: Vec<RuleText>,
}

/// Whether a random value lies in the bottle, of which nothing has a use but a thief.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Canary {
    /// It does.
    #[default]
    Planted,
    /// It does not.
    Absent,
}

/// A route, where its credential comes from, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResolvedRoute {
    /// The route as the sidecar gets it.
    pub route: Route,
    /// Where the credential comes from that `route.auth` names.
    pub secret: Option<SecretSource>,
    /// Where the route stands.
    pub origin: Place,
}

/// What the command line changes, applied last.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// An image by its reference.
    pub image: Option<String>,
    /// Variables; without a value, the one that the host has.
    pub env: Vec<(String, Option<String>)>,
    /// A command instead of the manifest's; it gets no prompt as its last word.
    pub command: Option<Vec<String>>,
    /// Another name.
    pub name: Option<Name>,
}

/// A value that has to be fetched before the launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where it goes.
    pub slot: Slot,
    /// Where it comes from.
    pub source: SecretSource,
}

/// Where a fetched value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Into the agent's environment, under this name.
    Env(String),
    /// To the sidecar, under the name that the policy uses.
    Secret(String),
    /// To the sidecar, under this name, while the agent's variable gets a placeholder.
    Placeholder {
        /// The agent's variable.
        variable: String,
        /// The secret's name.
        secret: String,
    },
}

impl Loaded {
    /// Sets every default and applies what the command line changes.
    pub fn resolve(&self, overrides: &Overrides) -> Result<Resolved, ManifestError> {
        let layer = &self.folded;
        let command = overrides.command.clone().or_else(|| self.command.clone());
        let from_manifest = overrides.command.is_none() && command.is_some();
        let prompt_delivery = if self.prompt.is_some() && from_manifest {
            PromptDelivery::LastWord
        } else {
            PromptDelivery::FileOnly
        };
        let workdir = layer.workdir.as_ref().map(|workdir| workdir.value.clone());
        let name = overrides
            .name
            .clone()
            .map_or_else(|| self.name.clone(), Ok)?;
        let env = env(layer, &overrides.env)?;
        Ok(Resolved {
            name,
            digest: self.digest.clone(),
            sources: self.sources.clone(),
            command,
            prompt: self.prompt.clone(),
            prompt_delivery,
            workdir: workdir.unwrap_or_else(|| DEFAULT_WORKDIR.to_owned()),
            image: image(layer, overrides.image.as_deref())?,
            user: layer.user.as_ref().map(|user| user.value),
            read_only: layer.read_only.as_ref().is_some_and(|flag| flag.value),
            workspace: self.workspace(),
            egress: self.egress(&env),
            dlp: self.dlp(),
            env,
            resources: Resources {
                cpus: layer.cpus.as_ref().map(|cpus| cpus.value),
                memory: layer.memory.as_ref().map(|memory| memory.value),
                pids: layer.pids.as_ref().map(|pids| pids.value),
            },
            host_access: layer.host_access.as_ref().map(|access| access.value),
            native_paths: layer
                .native_paths
                .iter()
                .map(|path| path.value.clone())
                .collect(),
        })
    }

    fn workspace(&self) -> Option<Workspace> {
        let layer = &self.folded;
        layer.workspace.as_ref()?;
        let mode = layer.workspace_mode.as_ref().map(|mode| mode.value);
        let mode = match mode.unwrap_or(ModeChoice::Copy) {
            ModeChoice::Copy => WorkspaceMode::Copy,
            ModeChoice::Mount => WorkspaceMode::Mount,
            ModeChoice::MountRo => WorkspaceMode::MountReadOnly,
            ModeChoice::None => return None,
        };
        let source = layer.workspace_source.as_ref();
        let source = source.map_or_else(
            || self.folder().to_path_buf(),
            |source| source.value.clone(),
        );
        Some(Workspace { source, mode })
    }

    fn dlp(&self) -> Dlp {
        let layer = &self.folded;
        let says = |flag: Option<&Placed<bool>>| flag.map(|flag| flag.value);
        Dlp {
            on_match: layer
                .on_match
                .as_ref()
                .map(|placed| placed.value)
                .unwrap_or_default(),
            unscannable: layer
                .unscannable
                .as_ref()
                .map(|placed| placed.value)
                .unwrap_or_default(),
            entropy: match says(layer.entropy.as_ref()) {
                Some(true) => Entropy::Report,
                Some(false) | None => Entropy::Ignore,
            },
            canary: match says(layer.canary.as_ref()) {
                Some(true) | None => Canary::Planted,
                Some(false) => Canary::Absent,
            },
            rules: layer.rules.iter().map(|file| file.value.clone()).collect(),
            rule_texts: self.rules.clone(),
        }
    }

    fn egress(&self, env: &BTreeMap<String, EnvSource>) -> Egress {
        let layer = &self.folded;
        let routes = layer.routes.iter().enumerate().map(|(index, placed)| {
            let (scheme, secret) = placed.value.auth.clone().unzip();
            let slot = secret
                .as_ref()
                .map(|secret| slot(secret, || format!("route-{index}")));
            let auth = scheme
                .zip(slot)
                .map(|(scheme, secret)| Auth { scheme, secret });
            let mut route = placed.value.route.clone();
            route.dlp.placeholders = placeholders_for(&route.host, env);
            ResolvedRoute {
                route: Route { auth, ..route },
                secret,
                origin: placed.place.clone(),
            }
        });
        Egress {
            log: layer.log.as_ref().map(|log| log.value).unwrap_or_default(),
            extra_ca: layer.extra_ca.iter().map(|ca| ca.value.clone()).collect(),
            certificates: self.certificates.clone(),
            fallback_resolver: layer.fallback_resolver.as_ref().map(|placed| placed.value),
            routes: routes.collect(),
        }
    }
}

/// The name of a secret: findings are reported under it, so it is one that the user knows.
fn slot(source: &SecretSource, otherwise: impl FnOnce() -> String) -> String {
    match source {
        SecretSource::Host { variable } => variable.clone(),
        SecretSource::Ask { .. } => otherwise(),
    }
}

/// The names of the variables whose placeholders count towards these hosts.
fn placeholders_for(host: &HostPattern, env: &BTreeMap<String, EnvSource>) -> BTreeSet<String> {
    env.iter()
        .filter(|(_, source)| match source {
            EnvSource::Placeholder { hosts, .. } => hosts.contains(host),
            EnvSource::Literal(_) | EnvSource::Host { .. } | EnvSource::Ask { .. } => false,
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn image(layer: &Layer, instead: Option<&str>) -> Result<Option<ImageSource>, ManifestError> {
    let Some(instead) = instead else {
        return Ok(layer.image.as_ref().map(|image| image.value.clone()));
    };
    let reference: ImageReference = instead
        .parse()
        .map_err(|error| ManifestError::new(format!("the image `{instead}`: {error}")))?;
    Ok(Some(ImageSource::Reference(reference.0)))
}

fn env(
    layer: &Layer,
    overrides: &[(String, Option<String>)],
) -> Result<BTreeMap<String, EnvSource>, ManifestError> {
    let mut env: BTreeMap<String, EnvSource> = layer
        .env
        .iter()
        .map(|(name, source)| (name.to_string(), source.value.clone()))
        .collect();
    for (name, value) in overrides {
        let refused = |error: &dyn std::fmt::Display| {
            ManifestError::new(format!("the variable `{}`: {error}", escaped(name)))
        };
        let name: EnvName = name.parse().map_err(|error| refused(&error))?;
        let source = match value {
            Some(value) => {
                let word: Word = value.parse().map_err(|error| refused(&error))?;
                EnvSource::Literal(word.0)
            }
            None => EnvSource::Host {
                variable: name.to_string(),
            },
        };
        env.insert(name.into(), source);
    }
    Ok(env)
}

impl Resolved {
    /// Returns the routes as the sidecar gets them.
    pub fn policy(&self) -> Policy {
        Policy {
            routes: self
                .egress
                .routes
                .iter()
                .map(|resolved| resolved.route.clone())
                .collect(),
        }
    }

    /// Returns the whole command, with the prompt where it is a word of it; `None` is the image's own.
    pub fn argv(&self) -> Option<Vec<String>> {
        let mut argv = self.command.clone()?;
        match self.prompt_delivery {
            PromptDelivery::LastWord => argv.extend(self.prompt.clone()),
            PromptDelivery::FileOnly => {}
        }
        Some(argv)
    }

    /// Lists what has to be taken from the host or asked for before the launch.
    pub fn needs(&self) -> Vec<Need> {
        let env = self.env.iter().filter_map(|(name, source)| {
            let source = match source {
                EnvSource::Literal(_) => return None,
                EnvSource::Host { variable } => SecretSource::Host {
                    variable: variable.clone(),
                },
                EnvSource::Ask { prompt } => SecretSource::Ask {
                    prompt: prompt.clone(),
                },
                EnvSource::Placeholder { secret, .. } => {
                    return Some(Need {
                        slot: Slot::Placeholder {
                            variable: name.clone(),
                            secret: slot(secret, || format!("the real {name}")),
                        },
                        source: secret.clone(),
                    });
                }
            };
            let slot = Slot::Env(name.clone());
            Some(Need { slot, source })
        });
        let secrets = self.egress.routes.iter().filter_map(|resolved| {
            let auth = resolved.route.auth.as_ref()?;
            Some(Need {
                slot: Slot::Secret(auth.secret.clone()),
                source: resolved.secret.clone()?,
            })
        });
        let mut needs: Vec<Need> = Vec::new();
        for need in env.chain(secrets) {
            // Two routes may take the same variable.
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        needs
    }
}
