//! What one file says, or several folded into one: checked, with paths made absolute and places kept.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{OnMatch, Unscannable};
use bottle_contract::policy::{AuthScheme, Route};
use serde::Serialize;

use super::place::{Place, Placed, path_as_text};
use super::schema::{HostAccess, ModeChoice};
use super::value::{EnvName, EnvSource, SecretSource, UserSpec};

/// What the agent's container is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// An image by its reference.
    Reference(String),
    /// An image built from a Dockerfile.
    Dockerfile {
        /// The Dockerfile.
        #[serde(serialize_with = "path_as_text")]
        file: PathBuf,
        /// The folder whose files the build may copy.
        #[serde(serialize_with = "path_as_text")]
        context: PathBuf,
        /// The build's arguments.
        args: BTreeMap<String, String>,
    },
}

/// The settings of one file, or of several folded into one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layer {
    pub(super) workdir: Option<Placed<String>>,
    pub(super) image: Option<Placed<ImageSource>>,
    pub(super) user: Option<Placed<UserSpec>>,
    pub(super) read_only: Option<Placed<bool>>,
    /// Where the first `[workspace]` stands, also when it says nothing.
    pub(super) workspace: Option<Place>,
    pub(super) workspace_source: Option<Placed<PathBuf>>,
    pub(super) workspace_mode: Option<Placed<ModeChoice>>,
    pub(super) env: BTreeMap<EnvName, Placed<EnvSource>>,
    pub(super) cpus: Option<Placed<f64>>,
    pub(super) memory: Option<Placed<u64>>,
    pub(super) pids: Option<Placed<u32>>,
    pub(super) log: Option<Placed<LogLevel>>,
    pub(super) extra_ca: Vec<Placed<PathBuf>>,
    pub(super) fallback_resolver: Option<Placed<IpAddr>>,
    pub(super) routes: Vec<Placed<LayerRoute>>,
    /// The files of rules for secrets.
    pub(super) rules: Vec<Placed<PathBuf>>,
    pub(super) on_match: Option<Placed<OnMatch>>,
    pub(super) unscannable: Option<Placed<Unscannable>>,
    pub(super) entropy: Option<Placed<bool>>,
    pub(super) canary: Option<Placed<bool>>,
    pub(super) host_access: Option<Placed<HostAccess>>,
    pub(super) native_paths: Vec<Placed<PathBuf>>,
}

/// A route, and where its credential comes from. The credential's slot has no name yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LayerRoute {
    pub(super) route: Route,
    pub(super) auth: Option<(AuthScheme, SecretSource)>,
}

impl Layer {
    /// Folds a later layer over this one: tables merge by key, lists concatenate, the later scalar wins.
    ///
    /// What both inherit from one file stands there once: the place tells.
    pub(super) fn fold(mut self, later: Self) -> Self {
        self.env.extend(later.env);
        append(&mut self.extra_ca, later.extra_ca);
        append(&mut self.routes, later.routes);
        append(&mut self.native_paths, later.native_paths);
        append(&mut self.rules, later.rules);
        Self {
            workdir: later.workdir.or(self.workdir),
            image: later.image.or(self.image),
            user: later.user.or(self.user),
            read_only: later.read_only.or(self.read_only),
            workspace: later.workspace.or(self.workspace),
            workspace_source: later.workspace_source.or(self.workspace_source),
            workspace_mode: later.workspace_mode.or(self.workspace_mode),
            env: self.env,
            cpus: later.cpus.or(self.cpus),
            memory: later.memory.or(self.memory),
            pids: later.pids.or(self.pids),
            log: later.log.or(self.log),
            extra_ca: self.extra_ca,
            fallback_resolver: later.fallback_resolver.or(self.fallback_resolver),
            routes: self.routes,
            rules: self.rules,
            on_match: later.on_match.or(self.on_match),
            unscannable: later.unscannable.or(self.unscannable),
            entropy: later.entropy.or(self.entropy),
            canary: later.canary.or(self.canary),
            host_access: later.host_access.or(self.host_access),
            native_paths: self.native_paths,
        }
    }

    /// Lists the scalars: the key, the value as text, and where it stands.
    pub(super) fn scalars(&self) -> [(&'static str, Option<(String, &Place)>); 16] {
        fn of<T: std::fmt::Debug>(value: Option<&Placed<T>>) -> Option<(String, &Place)> {
            value.map(|placed| (format!("{:?}", placed.value), &placed.place))
        }
        [
            ("workdir", of(self.workdir.as_ref())),
            ("image", of(self.image.as_ref())),
            ("image.user", of(self.user.as_ref())),
            ("image.read-only", of(self.read_only.as_ref())),
            ("workspace.source", of(self.workspace_source.as_ref())),
            ("workspace.mode", of(self.workspace_mode.as_ref())),
            ("resources.cpus", of(self.cpus.as_ref())),
            ("resources.memory", of(self.memory.as_ref())),
            ("resources.pids", of(self.pids.as_ref())),
            ("egress.log", of(self.log.as_ref())),
            (
                "egress.fallback-resolver",
                of(self.fallback_resolver.as_ref()),
            ),
            ("dlp.on-match", of(self.on_match.as_ref())),
            ("dlp.unscannable", of(self.unscannable.as_ref())),
            ("dlp.entropy", of(self.entropy.as_ref())),
            ("dlp.canary", of(self.canary.as_ref())),
            ("seal.host-access", of(self.host_access.as_ref())),
        ]
    }
}

/// Appends what does not stand there yet, as written at the same place.
fn append<T>(list: &mut Vec<Placed<T>>, later: Vec<Placed<T>>) {
    for item in later {
        if !list.iter().any(|known| known.place == item.place) {
            list.push(item);
        }
    }
}
