//! `bottle run`.

use std::time::Duration;

use anyhow::anyhow;
use bottle_contract::id::{BottleId, Name, SUFFIX_LEN};
use bottle_contract::labels::Labels;
use clap::{Args, ValueEnum};

use super::context::Context;
use super::length::seconds;
use super::manifest::{ManifestArgs, require_trust};
use super::plan;
use crate::backends::{Ground, HostAccess, LaunchRequest, RootAccess, Sharing};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::homecoming::prepare_guards;
use crate::launch::{
    Choice, Mode, Parts, Session, Signals, choose, heal, locate_sidecar, prepare, provide_sidecar,
    snapshot_named,
};
use crate::manifest::{Loaded, Resolved, TrustFlag, grants};
use crate::process::{self, Invocation};
use crate::state::{self, Accepts, Begun, Course, FORMAT, Keep, Phase, Record, SnapshotRecord};

/// What a detached bottle that is to be kept comes to where there is no engine.
const KEPT_IN_PART: &str = "what the agent writes lies in memory here: `bottle stop` keeps the logs and the audit, and `bottle start` cannot bring the rest back";
/// How long an engine may take to start: the first time it fetches a kernel.
const START: Duration = Duration::from_mins(10);

/// Run an agent in a new bottle.
///
/// The agent gets this terminal, and bottle ends with the agent's own status. Bottle's own failure
/// is status 125. Everything that was made is removed at the end, also on Ctrl-C.
#[derive(Clone, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    manifest: ManifestArgs,

    /// Make the bottle on this backend: macos-container, docker, podman or native
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,

    /// Make the bottle from a snapshot's files, workspace included, instead of the manifest's image
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "image")]
    from: Option<Name>,

    /// Trust what the agent file grants itself, for this one run
    #[arg(long)]
    trust: bool,

    /// Keep the logs and the audit when the bottle has ended; with `--detach`, `stop` keeps all of it
    ///
    /// The native backend keeps the logs and the audit only: what its agents write lies in memory.
    #[arg(long)]
    keep: bool,

    /// Leave the bottle running, and print its id
    #[arg(long, short)]
    detach: bool,

    /// End the agent after this time, such as `90s`, `10m` or `2h`; bottle then ends with status 124
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    timeout: Option<u64>,

    /// Tell what happens as JSON lines on standard error, and nothing else there
    ///
    /// The agent's own standard error goes to standard output then, and no question is asked.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(super) events: Option<Events>,

    /// Show what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Events {
    /// One JSON object a line.
    Json,
}

/// Runs the verb.
pub(super) fn run(context: &Context, mut args: RunArgs) -> Result<Exit> {
    if let Some(name) = &args.from {
        let taken = snapshot_named(&context.state()?, name)?;
        require_backend_of(&taken, args.backend.as_deref())?;
        args.backend = Some(taken.backend);
        args.manifest.image = Some(taken.image);
    }
    if args.dry_run {
        plan::show(context, &args.manifest, args.backend, plan::Shape::Text)?;
        return Ok(Exit::Success);
    }
    let loaded = args.manifest.load(context)?;
    let resolved = args.manifest.resolve(&loaded)?;
    let flag = if args.trust {
        TrustFlag::Given
    } else {
        TrustFlag::Absent
    };
    require_trust(context, &args.manifest.file, &loaded, flag)?;
    require_unchanged(&loaded, &args.manifest.read(context)?)?;
    let named = context.named_backend(args.backend.clone())?;
    let choice = choose(context.registry(), &named, &|call| offer(context, call))?;
    say_choice(context, &choice);
    let resolved = args.manifest.on(choice.backend, resolved);
    launch(context, &args, &loaded, &resolved, &choice)
}

/// A snapshot's image is in one engine's store only.
fn require_backend_of(taken: &SnapshotRecord, named: Option<&str>) -> Result<()> {
    match named {
        Some(other) if other != taken.backend => {
            let error = anyhow!("the snapshot `{}` is on {}", taken.name, taken.backend);
            Err(Error::user(error).hint("leave `--backend` out, or name that one"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What runs must be what was trusted: a repository's files can change while the question is read.
fn require_unchanged(trusted: &Loaded, now: &Loaded) -> Result<()> {
    if trusted.trust_digest == now.trust_digest && grants(trusted) == grants(now) {
        return Ok(());
    }
    Err(Error::user(anyhow!(
        "`{}` changed while it was looked at",
        now.path.display()
    ))
    .hint("nothing was made; run it again, and read what it grants itself"))
}

/// Offers to start an engine; without a terminal, or without a yes, nothing is started.
pub(super) fn offer(context: &Context, call: &Invocation) -> Result<bool> {
    let ui = context.ui();
    if !ui.can_ask() {
        return Ok(false);
    }
    let question = format!("the engine is not running; start it now with `{call}`?");
    if !ui.confirm(&question).map_err(Error::user)? {
        return Ok(false);
    }
    let phase = ui.phase("start");
    let captured = process::run(call, START)?;
    if !captured.success() {
        let words = captured.stderr_text().trim().to_owned();
        return Err(Error::engine(anyhow!("`{call}` failed: {words}")));
    }
    phase.done();
    Ok(true)
}

pub(super) fn say_choice(context: &Context, choice: &Choice<'_>) {
    let version = choice.probe.version.as_deref().unwrap_or_default();
    context.ui().note(format!(
        "backend: {} {version} ({})",
        choice.backend.name(),
        choice.why
    ));
}

fn launch(
    context: &Context,
    args: &RunArgs,
    loaded: &Loaded,
    resolved: &Resolved,
    choice: &Choice<'_>,
) -> Result<Exit> {
    let id = new_id(resolved)?;
    let state = context.state()?;
    let mut record = record(resolved, loaded, choice, &id);
    record.keep = args.keep.then_some(Keep::Asked);
    if args.keep && args.detach && choice.backend.ground() == Ground::Host {
        context.ui().warn(KEPT_IN_PART);
    }
    record.course.timeout = args.timeout;
    // Questions are asked before signals are held back and before anything is made: a Ctrl-C just ends them.
    let mut request = request(context, resolved, &record, &state.bottle(&id).audit_dir())?;
    let warns = request.host_access == Some(HostAccess::Warn);
    record.accepts = warns.then_some(Accepts::HostServices);
    if args.from.is_some() && copies(&request) && request.root == RootAccess::Writable {
        // The snapshot has the workspace as the agent left it; one in memory would lie over that.
        request.workspace = None;
    }
    let signals = Signals::watch()?;
    heal(choice.backend, &state, &record.owner, context.ui());
    if let Some(workspace) = &request.workspace {
        prepare_guards(&workspace.source, &workspace.guarded)?;
    }
    let (dir, lock) = state.create(&id)?;
    context.ui().note(format!("bottle: {id}"));
    if let Err(error) = begun(args).save(&dir.begun()) {
        // Nothing is made yet.
        dir.remove().ok();
        return Err(error.into());
    }
    let session = Session {
        backend: choice.backend,
        request: &request,
        dir: &dir,
        lock,
        record,
        signals: &signals,
        ui: context.ui(),
    };
    session.run(if args.detach {
        Mode::Detached
    } else {
        Mode::Attached
    })
}

fn copies(request: &LaunchRequest) -> bool {
    let workspace = request.workspace.as_ref();
    workspace.is_some_and(|workspace| workspace.sharing == Sharing::Copy)
}

/// Writes down what the command line says, so that `start` can say it again.
fn begun(args: &RunArgs) -> Begun {
    Begun {
        name: args.manifest.name.as_ref().map(ToString::to_string),
        image: args.manifest.image.clone(),
        ignore_image: args.manifest.ignore_image,
        env: args.manifest.env.clone(),
        given: args.manifest.command.clone(),
        command: Vec::new(),
    }
}

pub(super) fn request(
    context: &Context,
    resolved: &Resolved,
    record: &Record,
    audit_dir: &std::path::Path,
) -> Result<LaunchRequest> {
    let say = |text: &str| context.ui().note(text);
    let program = context
        .env()
        .executable()
        .unwrap_or_else(|| context.env().current_dir());
    let named = context.env().sidecar_binary()?;
    let binary = provide_sidecar(locate_sidecar(named.as_deref(), program)?, &say)?;
    let parts = Parts {
        labels: labels(record),
        binary,
        audit_dir: audit_dir.to_owned(),
        owner: (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        ),
        resolver: context.resolver()?,
        subnets: context.subnets()?,
        timeout: record.course.timeout.map(Duration::from_secs),
    };
    prepare(resolved, parts, context)
}

fn labels(record: &Record) -> Labels {
    Labels {
        id: record.id.clone(),
        version: record.version.clone(),
        owner: record.owner.clone(),
        manifest: record.manifest.clone(),
    }
}

fn new_id(resolved: &Resolved) -> Result<BottleId> {
    let mut random = [0; SUFFIX_LEN];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal(anyhow!("the system gave no random bytes: {error}")))?;
    Ok(BottleId::new(&resolved.name, random))
}

fn record(resolved: &Resolved, loaded: &Loaded, choice: &Choice<'_>, id: &BottleId) -> Record {
    Record {
        format: FORMAT,
        id: id.clone(),
        agent: resolved.name.to_string(),
        backend: choice.backend.name().to_owned(),
        created: now(),
        owner: state::owner(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        manifest: resolved.digest.clone(),
        source: Some(loaded.path.clone()),
        phase: Phase::Creating,
        pid: Some(std::process::id()),
        exit: None,
        keep: None,
        accepts: None,
        audit_head: None,
        course: Course::default(),
    }
}

/// The time in UTC, to the second.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}
