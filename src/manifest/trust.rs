//! What of an agent file the user has to trust before it counts, and whether it may run.
//!
//! An agent file can come from anybody: it lies in the repository that the
//! agent works on, and the agent itself may have written it. Bottle files come
//! from the user's own folder or with the program, and never need trust.

use std::fmt;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{OnMatch, Unscannable};
use bottle_contract::intent::Method;

use super::layer::{ImageSource, Layer, LayerRoute};
use super::load::{Foreign, Loaded};
use super::place::{Place, Placed, escaped};
use super::schema::{HostAccess, ModeChoice};
use super::value::{EnvSource, SecretSource, UserSpec};

/// One thing that an agent file grants itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it stands.
    pub place: Place,
    /// What it lets the agent do, in one line of plain words.
    pub text: String,
}

/// What is on record about an agent file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The user has trusted this very content.
    Trusted,
    /// The user has trusted other content of this file.
    Changed,
    /// Nothing.
    Unknown,
}

/// Whether the command line says to trust for this one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustFlag {
    /// It does.
    Given,
    /// It does not.
    Absent,
}

/// Whether there is a terminal on which to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// There is.
    Present,
    /// There is not.
    Absent,
}

/// What to do with an agent file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run it.
    Run,
    /// Ask the user, with the list of grants.
    Ask,
    /// Refuse it, and name the command that trusts it.
    Refuse,
}

/// Decides whether an agent file may run.
pub fn decide(
    grants: &[Grant],
    standing: Standing,
    flag: TrustFlag,
    terminal: Terminal,
) -> Decision {
    match (standing, flag, terminal) {
        _ if grants.is_empty() => Decision::Run,
        (Standing::Trusted, _, _) | (_, TrustFlag::Given, _) => Decision::Run,
        (_, TrustFlag::Absent, Terminal::Present) => Decision::Ask,
        (_, TrustFlag::Absent, Terminal::Absent) => Decision::Refuse,
    }
}

/// Lists what the agent file grants itself, in the order of the file.
pub fn grants(loaded: &Loaded) -> Vec<Grant> {
    let own = &loaded.own;
    let mut grants = Vec::new();
    grant_files(loaded, &mut grants);
    grant_image(own, &mut grants);
    grant_env(own, &mut grants);
    grant_egress(own, &mut grants);
    grant_dlp(own, &mut grants);
    if let Some(access) = &own.host_access
        && access.value == HostAccess::Warn
    {
        let text = "starts although services of this host can be reached, with a warning only";
        grants.push(grant(access, text));
    }
    grants.sort_by(|one, other| one.place.cmp(&other.place));
    grants
}

fn grant<T>(placed: &Placed<T>, text: impl Into<String>) -> Grant {
    Grant {
        place: placed.place.clone(),
        text: text.into(),
    }
}

fn grant_files(loaded: &Loaded, grants: &mut Vec<Grant>) {
    for outside in &loaded.outside {
        let path = escaped(&outside.path.value.to_string_lossy());
        let text = match outside.what {
            Foreign::Prompt => {
                format!("reads its prompt from `{path}`, outside the agent's own folder")
            }
            Foreign::Workspace => {
                format!("gives the agent the folder `{path}`, outside the agent's own folder")
            }
        };
        grants.push(grant(&outside.path, text));
    }
    for path in &loaded.own.native_paths {
        let shown = escaped(&path.value.to_string_lossy());
        let text =
            format!("lets the agent read `{shown}` of this host, where it runs without an image");
        grants.push(grant(path, text));
    }
    if let Some(mode) = &loaded.own.workspace_mode
        && mode.value == ModeChoice::Mount
    {
        let text = "lets the agent change files of this host: the workspace is mounted, not copied";
        grants.push(grant(mode, text));
    }
}

fn grant_image(own: &Layer, grants: &mut Vec<Grant>) {
    if let Some(image) = &own.image
        && let ImageSource::Dockerfile { file, context, .. } = &image.value
    {
        let text = format!(
            "builds an image from `{}` with the files of `{}`, also when those files change: its \
             steps run with network access, outside the bottle",
            escaped(&file.to_string_lossy()),
            escaped(&context.to_string_lossy())
        );
        grants.push(grant(image, text));
    }
    if let Some(user) = &own.user
        && user.value == UserSpec::Root
    {
        grants.push(grant(user, "runs the agent as root of its container"));
    }
    if let Some(read_only) = &own.read_only
        && !read_only.value
    {
        let text = "makes the root file system writable, also where a bottle says read-only";
        grants.push(grant(read_only, text));
    }
}

fn grant_env(own: &Layer, grants: &mut Vec<Grant>) {
    for (name, source) in &own.env {
        let text = match &source.value {
            EnvSource::Literal(_) => continue,
            EnvSource::Host { variable } => {
                format!("shows the agent this host's variable `{variable}`, as `{name}`")
            }
            EnvSource::Placeholder { secret, hosts } => {
                let hosts: Vec<String> = hosts.iter().map(|host| format!("`{host}`")).collect();
                let what = match secret {
                    SecretSource::Host { variable } => format!("this host's variable `{variable}`"),
                    SecretSource::Ask { prompt } => {
                        format!("what you are asked for (\"{prompt}\")")
                    }
                };
                format!(
                    "uses {what} towards {}, in the place of a placeholder that the agent has as `{name}`",
                    hosts.join(", ")
                )
            }
            EnvSource::Ask { prompt } => {
                format!("asks you for \"{prompt}\" and shows the agent the answer, as `{name}`")
            }
        };
        grants.push(grant(source, text));
    }
}

fn grant_egress(own: &Layer, grants: &mut Vec<Grant>) {
    if let Some(log) = &own.log
        && log.value == LogLevel::None
    {
        grants.push(grant(log, "keeps permitted requests out of the audit log"));
    }
    for file in &own.extra_ca {
        let path = escaped(&file.value.to_string_lossy());
        let text = format!("trusts the certificates in `{path}` for every host that it reaches");
        grants.push(grant(file, text));
    }
    if let Some(resolver) = &own.fallback_resolver {
        let text = format!(
            "asks {} for names when this machine's settings name no resolver",
            resolver.value
        );
        grants.push(grant(resolver, text));
    }
    for route in &own.routes {
        grants.push(grant(route, route_text(&route.value)));
    }
}

/// What makes the scan for secrets weaker than it is by itself, or than a bottle may have made it.
fn grant_dlp(own: &Layer, grants: &mut Vec<Grant>) {
    if let Some(on_match) = &own.on_match
        && on_match.value == OnMatch::Redact
    {
        let text = "lets a request with a secret go on, with the secret replaced";
        grants.push(grant(on_match, text));
    }
    if let Some(unscannable) = &own.unscannable
        && unscannable.value == Unscannable::Pass
    {
        let text = "lets bodies go out that cannot be scanned for secrets";
        grants.push(grant(unscannable, text));
    }
    if let Some(canary) = &own.canary
        && !canary.value
    {
        grants.push(grant(canary, "plants no value as a trap for thieves"));
    }
    if let Some(entropy) = &own.entropy
        && !entropy.value
    {
        let text = "does not report text that looks random, also where a bottle says so";
        grants.push(grant(entropy, text));
    }
}

fn route_text(route: &LayerRoute) -> String {
    let LayerRoute { route, auth } = route;
    let ports: Vec<String> = route.ports.iter().map(u16::to_string).collect();
    let methods = route.methods.as_ref().map(|methods| {
        let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
        format!(" with {}", methods.join(", "))
    });
    let paths = route.paths.as_ref().map(|paths| {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        format!(" at {}", paths.join(", "))
    });
    let address = route
        .address
        .map(|address| format!(", by the address {address}"));
    let secret = auth.as_ref().map(|(_, source)| match source {
        SecretSource::Host { variable } => {
            format!(", with the credential in this host's variable `{variable}`")
        }
        SecretSource::Ask { prompt } => {
            format!(", with a credential that you are asked for (\"{prompt}\")")
        }
    });
    let redact = (route.dlp.on_match == Some(OnMatch::Redact))
        .then(|| ", replacing secrets instead of stopping the request".to_owned());
    let pass = (route.dlp.unscannable == Some(Unscannable::Pass))
        .then(|| ", also with what cannot be scanned for secrets".to_owned());
    let limits = [methods, paths, address, secret, redact, pass];
    format!(
        "reaches `{}` on port {}{}",
        route.host,
        ports.join(" and "),
        limits.into_iter().flatten().collect::<String>()
    )
}

impl fmt::Display for Grant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.text, self.place)
    }
}
