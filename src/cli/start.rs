//! `bottle start`.

use anyhow::anyhow;
use bottle_contract::id::Role;
use clap::Args;

use super::context::Context;
use super::manifest::ManifestArgs;
use super::run::request;
use crate::backends::{Backend, Ground, LaunchRequest};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{Session, Signals, backend_of};
use crate::state::{Begun, Bottle, BottleDir, Lock, Phase, Record, Status};

/// Start a stopped bottle again.
///
/// Its files are as they were. Everything else is new: addresses, the sidecar with its CA, and the
/// probe of the wall; then the agent's command starts without a terminal, as with `run --detach`, and
/// `--timeout` begins anew. Values are taken from your environment once more. What `allow` and `deny`
/// changed is forgotten. The manifest must be the one that the bottle was made with. A bottle whose
/// agent is root cannot be started again, since root may have replaced what seals it; nor one of the
/// native backend, whose files lie in memory.
#[derive(Clone, Debug, Args)]
pub(super) struct StartArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &StartArgs) -> Result<Exit> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let backend = backend_of(context.registry(), bottle)?;
    require_lasting(backend, bottle)?;
    let record = require_stopped(bottle)?;
    let dir = context.state()?.bottle(&bottle.id);
    // Questions are asked before the lock is taken and before signals are held back.
    let request = request_again(context, record, &dir)?;
    let signals = Signals::watch()?;
    let lock = Lock::acquire(&dir.lock())?;
    let record = Record::load(&dir.record())?.unwrap_or_else(|| record.clone());
    // What only idles was left by a start that died.
    if record.phase != Phase::Restarting && backend.runs(&bottle.id, Role::Agent)? {
        let error = anyhow!("the bottle `{}` was started meanwhile", bottle.id);
        return Err(Error::user(error).hint("`bottle attach` watches its agent"));
    }
    let session = Session {
        backend,
        request: &request,
        dir: &dir,
        lock,
        record,
        signals: &signals,
        ui: context.ui(),
    };
    session.again()
}

/// What lies in memory goes with the bottle's processes, so there is nothing to start.
fn require_lasting(backend: &dyn Backend, bottle: &Bottle) -> Result<()> {
    match backend.ground() {
        Ground::Host if !bottle.held && !bottle.status.runs() => {
            let error = anyhow!(
                "the bottle `{}` cannot be started: on {} what an agent writes lies in memory, and went with it",
                bottle.id,
                backend.name()
            );
            let hint = "run a new one; on an engine, `run --detach --keep` makes one that can be started again: `--backend docker`";
            Err(Error::user(error).hint(hint))
        }
        Ground::Host | Ground::Image => Ok(()),
    }
}

fn require_stopped(bottle: &Bottle) -> Result<&Record> {
    match &bottle.record {
        Some(record) if bottle.status == Status::Stopped => Ok(record),
        Some(_) | None => {
            let error = anyhow!(
                "the bottle `{}` cannot be started: it is {}, not stopped",
                bottle.id,
                bottle.status
            );
            let hint = "a bottle of `run --detach --keep` that was stopped can be started";
            Err(Error::user(error).hint(hint))
        }
    }
}

/// Makes the request once more, from the same manifest and the same words.
fn request_again(context: &Context, record: &Record, dir: &BottleDir) -> Result<LaunchRequest> {
    let begun = Begun::load(&dir.begun())?.filter(|begun| !begun.command.is_empty());
    let (Some(begun), Some(file)) = (begun, record.source.clone()) else {
        let error = anyhow!("nothing tells how `{}` was begun", record.id);
        return Err(Error::user(error).hint("an older version of bottle made it: run a new one"));
    };
    let command = begun.command.clone();
    let args = ManifestArgs::again(file, begun)?;
    let loaded = args.load(context)?;
    let resolved = args.resolve(&loaded)?;
    if resolved.digest != record.manifest {
        let error = anyhow!(
            "the manifest `{}` is not what `{}` was made with",
            loaded.path.display(),
            record.id
        );
        return Err(Error::user(error).hint("put it back as it was, or run a new bottle"));
    }
    let mut request = request(context, &resolved, record, &dir.audit_dir())?;
    request.command = Some(command);
    Ok(request)
}
