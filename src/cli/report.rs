//! `bottle report`.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use bottle_contract::secret::Secret;
use clap::Args;

use super::context::Context;
use super::manifest::ManifestArgs;
use super::{doctor, plan};
use crate::error::{Error, Result};
use crate::launch::{Redactor, Report, backend_of};
use crate::manifest::{EnvSource, SecretSource};
use crate::state::{Begun, Bottle, BottleDir, ResourceKind};

/// Words in the name of a variable whose value is likely a secret.
const SECRETIVE: [&str; 7] = [
    "TOKEN",
    "SECRET",
    "PASS",
    "KEY",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
];

/// Write all that tells what happened to a bottle into one text file, for a bug report.
///
/// Inside are the versions, what `doctor` says, the record, the plan, the logs and the audit. The values of
/// variables and secrets that the manifest names, and of your own variables that look like secrets, are
/// taken out where they have six letters or more, and so are words that look like credentials, your home
/// folder and your name. Read it before you send it: an agent may print anything, and hosts and paths stay.
#[derive(Clone, Debug, Args)]
pub(super) struct ReportArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// The file to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &ReportArgs) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let dir = context.state()?.bottle(&bottle.id);
    let (report, redactor) = gather(context, bottle, &dir)?;
    let name = PathBuf::from(format!("bottle-report-{}.txt", bottle.id));
    let path = context.absolute(args.to.as_ref().unwrap_or(&name));
    write(&path, &report.text(&redactor))?;
    for (title, lines) in report.contents() {
        context.ui().note(format!("{title}: {lines} lines"));
    }
    context
        .ui()
        .note("read it before you send it: an agent may have printed anything");
    context
        .ui()
        .data(&format!("{}\n", path.display()))
        .map_err(Error::user)
}

fn gather(context: &Context, bottle: &Bottle, dir: &BottleDir) -> Result<(Report, Redactor)> {
    let mut report = Report::default();
    let mut redactor = Redactor::default();
    know_this_machine(context, &mut redactor);
    let words = words_of(bottle, dir);
    if let Some(words) = &words {
        know_the_manifest(context, words, &mut redactor);
    }
    report.add("versions", versions());
    report.add("doctor", doctor::words(context)?);
    let json = serde_json::to_string_pretty(bottle).map_err(Error::internal)?;
    report.add("bottle", json);
    let recorded = bottle.record.as_ref().map(|record| record.backend.clone());
    let planned = words.map(|words| plan::words(context, &words, recorded));
    report.add(
        "plan, as it would be now",
        match planned {
            Some(Ok(text)) => text,
            Some(Err(error)) => format!("(none: {error})"),
            None => "(nothing tells how it was begun)".to_owned(),
        },
    );
    let container = |kind| kind == ResourceKind::Container;
    let stands = bottle
        .resources
        .iter()
        .any(|resource| container(resource.kind));
    let backend = stands
        .then(|| backend_of(context.registry(), bottle))
        .transpose()?;
    report.add_logs(backend, &bottle.id, dir);
    report.add_audit(dir);
    Ok((report, redactor))
}

fn versions() -> String {
    let kernel = rustix::system::uname();
    let word = |word: &std::ffi::CStr| word.to_string_lossy().into_owned();
    format!(
        "bottle {}\n{} {} {}",
        env!("CARGO_PKG_VERSION"),
        word(kernel.sysname()),
        word(kernel.release()),
        word(kernel.machine())
    )
}

/// The user's own names and secrets, as far as variables tell them.
fn know_this_machine(context: &Context, redactor: &mut Redactor) {
    let env = context.env();
    for (name, value) in env.texts() {
        let upper = name.to_ascii_uppercase();
        if SECRETIVE.iter().any(|word| upper.contains(word)) {
            redactor.value(&Secret::new(value.to_owned()), name);
        }
    }
    let set = |name: &str| env.var(name).ok().flatten();
    if let Some(home) = set("HOME") {
        redactor.name(&home, "~");
        let last = Path::new(&home).file_name();
        if let Some(user) = last.and_then(|user| user.to_str()) {
            redactor.name(user, "[user]");
        }
    }
    for name in ["USER", "LOGNAME"] {
        if let Some(user) = set(name).filter(|user| user != "root") {
            redactor.name(&user, "[user]");
        }
    }
    let node = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    redactor.name(&node, "[machine]");
}

/// The words that the bottle was begun with.
fn words_of(bottle: &Bottle, dir: &BottleDir) -> Option<ManifestArgs> {
    let begun = Begun::load(&dir.begun()).ok()??;
    let file = bottle.record.as_ref()?.source.clone()?;
    ManifestArgs::again(file, begun).ok()
}

/// The values that the manifest names. One that was asked for is nowhere to be had.
fn know_the_manifest(context: &Context, words: &ManifestArgs, redactor: &mut Redactor) {
    let given = words.env.iter().filter_map(|word| word.split_once('='));
    for (name, value) in given {
        redactor.value(&Secret::new(value.to_owned()), name);
    }
    let Ok(resolved) = words
        .read(context)
        .and_then(|loaded| words.resolve(&loaded))
    else {
        context.ui().warn(
            "the manifest cannot be read any more, so the values that it names are not known",
        );
        return;
    };
    for need in resolved.needs() {
        if let SecretSource::Host { variable } = &need.source
            && let Ok(Some(value)) = context.env().var(variable)
        {
            redactor.value(&Secret::new(value), variable);
        }
    }
    for (name, source) in &resolved.env {
        if let EnvSource::Literal(text) = source {
            redactor.value(&Secret::new(text.clone()), name);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .with_context(|| format!("could not write `{}`", path.display()))
        .map_err(|error| Error::user(anyhow!(error)).hint("name another file with `--to`"))
}
