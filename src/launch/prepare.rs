//! From a resolved manifest to a launch request: values are fetched, numbers get their defaults.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::dlp::{Dlp, Placeholder};
use bottle_contract::labels::Labels;
use bottle_contract::secret::Secret;
use ipnet::Ipv4Net;

use super::decoy;
use super::homecoming::guards;
use crate::backends::{
    self, ImageSource, LaunchRequest, Limits, RootAccess, Sharing, SidecarSettings, UserChoice,
};
use crate::error::{Error, Result};
use crate::manifest::{self, Canary, Resolved, SecretSource, Slot, UserSpec, WorkspaceMode};

/// The agent's user and group where bottle itself runs as root.
const UNPRIVILEGED: u32 = 1000;

/// Where the values come from that a manifest only names.
pub trait Answers {
    /// Reads a variable of the host; `None` when it is not set.
    fn host(&self, variable: &str) -> Result<Option<String>>;

    /// Asks the user, without an echo.
    fn ask(&self, prompt: &str) -> Result<Secret>;
}

/// What a request has beside the manifest.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The labels, with the id.
    pub labels: Labels,
    /// The sidecar's binary.
    pub binary: PathBuf,
    /// The folder of the audit log.
    pub audit_dir: PathBuf,
    /// The user and group that bottle runs as.
    pub owner: (u32, u32),
    /// The resolver that was named in the place of this machine's.
    pub resolver: Option<IpAddr>,
    /// The block that was named for the networks of bottles.
    pub subnets: Option<Ipv4Net>,
    /// How long the agent's command may take.
    pub timeout: Option<Duration>,
}

/// Turns a manifest into a request. Every value that it names is there, or this fails.
pub fn prepare(resolved: &Resolved, parts: Parts, answers: &dyn Answers) -> Result<LaunchRequest> {
    let mut env = BTreeMap::new();
    let mut secrets = BTreeMap::new();
    let mut dlp = dlp(&resolved.dlp)?;
    for need in resolved.needs() {
        let value = fetch(&need.source, answers)?;
        match need.slot {
            Slot::Env(name) => {
                env.insert(name, value);
            }
            Slot::Secret(slot) => {
                secrets.insert(slot, value);
            }
            Slot::Placeholder { variable, secret } => {
                let decoy = decoy::placeholder(&value)?;
                env.insert(variable.clone(), decoy.clone());
                dlp.placeholders.push(Placeholder {
                    name: variable,
                    secret: secret.clone(),
                    value: decoy,
                });
                secrets.insert(secret, value);
            }
        }
    }
    for (name, source) in &resolved.env {
        if let manifest::EnvSource::Literal(text) = source {
            env.insert(name.clone(), Secret::new(text.clone()));
        }
    }
    Ok(LaunchRequest {
        labels: parts.labels,
        image: image(resolved)?,
        user: user(resolved.user.as_ref(), parts.owner),
        root: if resolved.read_only {
            RootAccess::ReadOnly
        } else {
            RootAccess::Writable
        },
        limits: Limits {
            cpus: resolved.resources.cpus,
            memory: resolved.resources.memory,
            pids: resolved.resources.pids,
        },
        workspace: resolved.workspace.as_ref().map(workspace).transpose()?,
        workdir: resolved.workdir.clone(),
        command: resolved.argv(),
        prompt: resolved.prompt.clone(),
        env,
        sidecar: SidecarSettings {
            binary: parts.binary,
            audit_dir: parts.audit_dir,
            policy: resolved.policy(),
            secrets,
            extra_ca: resolved.egress.certificates.clone(),
            log: resolved.egress.log,
            dlp,
            owner: parts.owner,
            resolver: parts.resolver,
            fallback_resolver: resolved.egress.fallback_resolver,
        },
        subnets: parts.subnets,
        paths: resolved.native_paths.clone(),
        host_access: resolved.host_access.map(|access| match access {
            manifest::HostAccess::Refuse => backends::HostAccess::Refuse,
            manifest::HostAccess::Warn => backends::HostAccess::Warn,
        }),
        timeout: parts.timeout,
    })
}

/// Everything about scanning but the placeholders, whose real values are not there yet.
fn dlp(settings: &manifest::Dlp) -> Result<Dlp> {
    let canary = match settings.canary {
        Canary::Planted => Some(decoy::canary()?),
        Canary::Absent => None,
    };
    Ok(Dlp {
        on_match: settings.on_match,
        unscannable: settings.unscannable,
        entropy: settings.entropy,
        canary,
        placeholders: Vec::new(),
        rules: settings.rule_texts.clone(),
    })
}

fn fetch(source: &SecretSource, answers: &dyn Answers) -> Result<Secret> {
    match source {
        SecretSource::Ask { prompt } => answers.ask(prompt),
        SecretSource::Host { variable } => {
            answers.host(variable)?.map(Secret::new).ok_or_else(|| {
                Error::user(anyhow!(
                    "the manifest takes `{variable}` from your environment, and it is not set"
                ))
                .hint(format!("set it first: `export {variable}=…`"))
            })
        }
    }
}

fn image(resolved: &Resolved) -> Result<ImageSource> {
    match &resolved.image {
        Some(manifest::ImageSource::Reference(reference)) => {
            Ok(ImageSource::Reference(reference.clone()))
        }
        Some(manifest::ImageSource::Dockerfile {
            file,
            context,
            args,
        }) => {
            std::fs::metadata(file)
                .with_context(|| format!("could not find the Dockerfile `{}`", file.display()))
                .map_err(Error::user)?;
            Ok(ImageSource::Dockerfile {
                file: file.clone(),
                context: context.clone(),
                args: args.clone(),
            })
        }
        None => Ok(ImageSource::Host),
    }
}

/// The user's own ids where that is possible, so that a mounted workspace stays theirs.
fn user(spec: Option<&UserSpec>, (uid, gid): (u32, u32)) -> UserChoice {
    match spec {
        Some(UserSpec::Root) => UserChoice::Root,
        Some(UserSpec::Ids { uid, gid }) => UserChoice::Numeric {
            uid: *uid,
            gid: gid.unwrap_or(*uid),
        },
        None if uid == 0 => UserChoice::Unprivileged {
            uid: UNPRIVILEGED,
            gid: UNPRIVILEGED,
        },
        None => UserChoice::Unprivileged { uid, gid },
    }
}

fn workspace(workspace: &manifest::Workspace) -> Result<backends::Workspace> {
    Ok(backends::Workspace {
        source: workspace.source.clone(),
        guarded: match workspace.mode {
            WorkspaceMode::Mount => guards(&workspace.source)?,
            WorkspaceMode::Copy | WorkspaceMode::MountReadOnly => Vec::new(),
        },
        sharing: match workspace.mode {
            WorkspaceMode::Copy => Sharing::Copy,
            WorkspaceMode::Mount => Sharing::Mount,
            WorkspaceMode::MountReadOnly => Sharing::MountReadOnly,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_has_the_users_own_ids_unless_those_are_roots() {
        let ids = UserSpec::Ids { uid: 7, gid: None };
        for (spec, owner, expected) in [
            (
                None,
                (501, 20),
                UserChoice::Unprivileged { uid: 501, gid: 20 },
            ),
            (
                None,
                (0, 0),
                UserChoice::Unprivileged {
                    uid: 1000,
                    gid: 1000,
                },
            ),
            (Some(&UserSpec::Root), (501, 20), UserChoice::Root),
            (
                Some(&ids),
                (501, 20),
                UserChoice::Numeric { uid: 7, gid: 7 },
            ),
        ] {
            assert_eq!(user(spec, owner), expected);
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_an_error_that_names_it() {
        struct Fixed;
        impl Answers for Fixed {
            fn host(&self, variable: &str) -> Result<Option<String>> {
                Ok((variable == "SET").then(|| "value".to_owned()))
            }
            fn ask(&self, prompt: &str) -> Result<Secret> {
                Ok(Secret::new(prompt.to_owned()))
            }
        }
        let answers = Fixed;
        let host = |variable: &str| SecretSource::Host {
            variable: variable.to_owned(),
        };
        assert_eq!(fetch(&host("SET"), &answers).unwrap().expose(), "value");
        let error = fetch(&host("UNSET_TOKEN"), &answers).unwrap_err();
        let parts: Vec<String> = error.parts().into_iter().map(|(_, text)| text).collect();
        assert!(parts.join(" ").contains("UNSET_TOKEN"), "{parts:?}");
        let ask = SecretSource::Ask {
            prompt: "Code".to_owned(),
        };
        assert_eq!(fetch(&ask, &answers).unwrap().expose(), "Code");
    }
}
