//! `bottle plan`.

use std::path::PathBuf;

use bottle_contract::dlp::{Entropy, RouteDlp};
use bottle_contract::guest::CANARY;
use bottle_contract::id::BottleId;
use bottle_contract::labels::Labels;
use bottle_contract::secret::{REDACTED, Secret};
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::manifest::ManifestArgs;
use crate::backends::{Backend, Plan};
use crate::error::{Error, Result};
use crate::launch::{Answers, Named, Parts, choose, prepare};
use crate::manifest::{Canary, Grant, ImageSource, Loaded, Resolved, grants};
use crate::state;

/// Show what `run` would do, without doing it.
///
/// Prints the folded manifest, the calls of the engine that make, seal and start the bottle, in their
/// order, and what a person should know. Images are found, fetched or built before. Nothing is made; the engine is only asked for its version and whether the image is here.
/// No value of the environment is read, and no secret is asked for.
#[derive(Clone, Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    manifest: ManifestArgs,

    /// Plan for this backend: macos-container, docker, podman or native
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// A plan, as it is printed.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    manifest: &'a Resolved,
    why: String,
    #[serde(flatten)]
    plan: Plan,
    grants: Vec<String>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: PlanArgs) -> Result<()> {
    let shape = if args.json { Shape::Json } else { Shape::Text };
    show(context, &args.manifest, args.backend, shape)
}

/// Plans, and prints the plan.
pub(super) fn show(
    context: &Context,
    args: &ManifestArgs,
    flag: Option<String>,
    shape: Shape,
) -> Result<()> {
    let loaded = args.load(context)?;
    planned(context, args, flag, &loaded, &|shown| {
        match shape {
            Shape::Json => context.ui().json(shown),
            Shape::Text => context.ui().data(&text(shown)),
        }
        .map_err(Error::user)
    })
}

/// Plans, and returns the plan in words, for a report.
pub(super) fn words(
    context: &Context,
    args: &ManifestArgs,
    flag: Option<String>,
) -> Result<String> {
    let loaded = args.read(context)?;
    planned(context, args, flag, &loaded, &|shown| Ok(text(shown)))
}

fn planned<T>(
    context: &Context,
    args: &ManifestArgs,
    flag: Option<String>,
    loaded: &Loaded,
    show: &dyn Fn(&Shown<'_>) -> Result<T>,
) -> Result<T> {
    let resolved = args.resolve(loaded)?;
    let named = context.named_backend(flag)?;
    let (backend, why) = backend(context, &named)?;
    let resolved = args.on(backend, resolved);
    let request = prepare(&resolved, parts(context, &resolved)?, &Redacted)?;
    let plan = backend.plan(&request)?;
    let grants = grants(loaded).iter().map(Grant::to_string).collect();
    let shown = Shown {
        manifest: &resolved,
        why,
        plan,
        grants,
    };
    show(&shown)
}

/// The one that `run` would take; a plan can also be had for one that is not there.
fn backend<'a>(context: &'a Context, named: &Named) -> Result<(&'a dyn Backend, String)> {
    if let Some((name, who)) = named.name() {
        return Ok((context.backend(name)?, who.to_owned()));
    }
    let choice = choose(context.registry(), named, &|_| Ok(false))?;
    Ok((choice.backend, choice.why))
}

/// What is known only at a launch has a name that says so.
fn parts(context: &Context, resolved: &Resolved) -> Result<Parts> {
    let id = BottleId::new(&resolved.name, [0; bottle_contract::id::SUFFIX_LEN]);
    let audit_dir = context.state()?.bottle(&id).audit_dir();
    let labels = Labels {
        id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        owner: state::owner(),
        manifest: resolved.digest.clone(),
    };
    let owner = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    Ok(Parts {
        labels,
        binary: PathBuf::from("bottle-sidecar"),
        audit_dir,
        owner,
        resolver: context.resolver()?,
        subnets: context.subnets()?,
        timeout: None,
    })
}

/// A plan needs no value: it shows none.
struct Redacted;

impl Answers for Redacted {
    fn host(&self, _variable: &str) -> Result<Option<String>> {
        Ok(Some(REDACTED.to_owned()))
    }

    fn ask(&self, _prompt: &str) -> Result<Secret> {
        Ok(Secret::new(REDACTED.to_owned()))
    }
}

fn text(shown: &Shown<'_>) -> String {
    let Shown {
        manifest,
        why,
        plan,
        grants,
    } = shown;
    let mut lines = vec![format!("# {} on {} ({why})", manifest.name, plan.backend)];
    lines.extend(plan.notes.iter().map(|note| format!("# note: {note}")));
    lines.extend(grants.iter().map(|grant| format!("# needs trust: {grant}")));
    lines.extend(settings(manifest));
    lines.extend(routes(manifest));
    lines.push(scan(manifest));
    lines.push("# the id `…-aaaaaa` stands for one that is drawn at the launch".to_owned());
    let mut phase = "";
    for step in &plan.steps {
        if step.phase != phase {
            phase = step.phase;
            lines.push(format!("\n# {phase}"));
        }
        lines.push(step.command.clone());
    }
    lines.join("\n") + "\n"
}

/// The folded manifest, without any value of the environment.
fn settings(manifest: &Resolved) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("# {name}: {value}")));
    };
    line(
        "image",
        manifest.image.as_ref().map(|image| match image {
            ImageSource::Reference(reference) => reference.clone(),
            ImageSource::Dockerfile { file, .. } => format!("built from {}", file.display()),
        }),
    );
    line("command", manifest.argv().map(|argv| format!("{argv:?}")));
    line("starts in", Some(manifest.workdir.clone()));
    line(
        "workspace",
        manifest
            .workspace
            .as_ref()
            .map(|workspace| format!("{} ({:?})", workspace.source.display(), workspace.mode)),
    );
    let names: Vec<&str> = manifest.env.keys().map(String::as_str).collect();
    line("variables", (!names.is_empty()).then(|| names.join(", ")));
    line(
        "files",
        Some(
            manifest
                .sources
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ),
    );
    lines
}

/// How what leaves is scanned: always, so that only what a file can say is shown.
fn scan(manifest: &Resolved) -> String {
    let dlp = &manifest.dlp;
    let mut says = vec![
        format!("on-match = {}", dlp.on_match),
        format!("unscannable = {}", dlp.unscannable),
    ];
    if dlp.entropy == Entropy::Report {
        says.push("random text is reported".to_owned());
    }
    match dlp.canary {
        Canary::Planted => says.push(format!("a canary in {CANARY}")),
        Canary::Absent => says.push("no canary".to_owned()),
    }
    says.extend(dlp.rules.iter().map(|file| file.display().to_string()));
    format!("# scanned for secrets: {}", says.join(", "))
}

/// What a route says about scanning, as the end of a word of its line.
fn scanned(route: &RouteDlp) -> String {
    let on_match = route.on_match.map(|value| format!("on-match = {value}"));
    let unscannable = route
        .unscannable
        .map(|value| format!("unscannable = {value}"));
    let names = route.placeholders.iter();
    let placeholders = names.map(|name| format!("the real {name}"));
    let says = on_match.into_iter().chain(unscannable).chain(placeholders);
    says.fold(String::new(), |words, says| words + ", " + &says)
}

fn routes(manifest: &Resolved) -> Vec<String> {
    if manifest.egress.routes.is_empty() {
        return vec!["# reaches nothing".to_owned()];
    }
    let ports = |ports: &[u16]| {
        ports
            .iter()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    manifest
        .egress
        .routes
        .iter()
        .map(|entry| {
            format!(
                "# reaches {}:{}{} ({})",
                entry.route.host,
                ports(&entry.route.ports),
                scanned(&entry.route.dlp),
                entry.origin
            )
        })
        .collect()
}
