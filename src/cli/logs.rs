//! `bottle logs`.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::anyhow;
use bottle_contract::id::Role;
use clap::Args;

use super::context::Context;
use crate::backends::{Follow, Interrupted};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{Attachment, Signals, backend_of, follow};
use crate::state::{Bottle, ResourceKind};

/// Show what the agent or its sidecar has printed.
///
/// An agent that has the terminal prints there and not into a log: its log holds what it printed
/// when it was started with `--detach`.
#[derive(Clone, Debug, Args)]
pub(super) struct LogsArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// The sidecar's log instead of the agent's
    #[arg(long)]
    sidecar: bool,

    /// Go on until the bottle ends
    #[arg(long, short)]
    follow: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &LogsArgs) -> Result<Exit> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let role = if args.sidecar {
        Role::Sidecar
    } else {
        Role::Agent
    };
    if !has_container(bottle, role) {
        return saved(context, bottle, role).map(|()| Exit::Success);
    }
    let until = if args.follow { Follow::Yes } else { Follow::No };
    let backend = backend_of(context.registry(), bottle)?;
    let invocation = backend.logs(&bottle.id, role, until)?;
    let over = || Ok(args.follow && !backend.runs(&bottle.id, role)?);
    let signals = Signals::watch()?;
    Ok(match follow(&invocation, &signals, context.ui(), &over)? {
        Attachment::Ended(0) => Exit::Success,
        Attachment::Ended(_) | Attachment::TimedOut => Exit::Failure,
        Attachment::Interrupted(Interrupted(signal)) => Exit::Signal(signal),
    })
}

fn has_container(bottle: &Bottle, role: Role) -> bool {
    bottle
        .resources
        .iter()
        .any(|resource| resource.kind == ResourceKind::Container && resource.role == role)
}

/// Shows what was saved when the container was removed.
fn saved(context: &Context, bottle: &Bottle, role: Role) -> Result<()> {
    let dir = context.state()?.bottle(&bottle.id);
    let path = if role == Role::Sidecar {
        dir.sidecar_log()
    } else {
        dir.agent_log()
    };
    let text = read(&path)?
        .ok_or_else(|| Error::user(anyhow!("the {role} of `{}` left no log", bottle.id)))?;
    context.ui().data(&text).map_err(Error::user)
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::user(
            anyhow::Error::new(error).context(format!("could not read `{}`", path.display())),
        )),
    }
}
