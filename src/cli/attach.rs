//! `bottle attach`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bottle_contract::id::Role;
use clap::Args;

use super::context::Context;
use crate::backends::{Backend, Follow, Interrupted};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{Attachment, Signals, agent_status, backend_of, follow};
use crate::state::{Bottle, Status};

/// How long an engine may take to say that a container has ended whose log has.
const ENDING: Duration = Duration::from_secs(10);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(100);

/// Watch the agent of a detached bottle.
///
/// Shows what it has printed since its start, then what it prints, and ends with the agent's own
/// status. The agent has no terminal: nothing that is typed gets to it, and Ctrl-C ends the watching
/// only. Several may watch at once. `bottle exec` runs another command beside it.
#[derive(Clone, Debug, Args)]
pub(super) struct AttachArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &AttachArgs) -> Result<Exit> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    require_detached(bottle)?;
    let backend = backend_of(context.registry(), bottle)?;
    let signals = Signals::watch()?;
    let invocation = backend.logs(&bottle.id, Role::Agent, Follow::Yes)?;
    let over = || Ok(!backend.runs(&bottle.id, Role::Agent)?);
    match follow(&invocation, &signals, context.ui(), &over)? {
        Attachment::Interrupted(Interrupted(signal)) => {
            context.ui().note(format!(
                "the agent goes on: `bottle attach {0}` watches it again, `bottle stop {0}` ends it",
                bottle.id
            ));
            Ok(Exit::Signal(signal))
        }
        // The status of the client that showed the log tells nothing of the agent.
        Attachment::Ended(_) | Attachment::TimedOut => ended(backend, bottle),
    }
}

/// Asks how the agent ended. An engine may end the log a moment before it says that the container has.
fn ended(backend: &dyn Backend, bottle: &Bottle) -> Result<Exit> {
    let deadline = Instant::now() + ENDING;
    loop {
        if let Some(status) = agent_status(backend, &bottle.id)? {
            return Ok(Exit::Agent(status));
        }
        if !backend.runs(&bottle.id, Role::Agent)? || Instant::now() >= deadline {
            break;
        }
        thread::park_timeout(LOOK);
    }
    // It may have ended between the two questions.
    if let Some(status) = agent_status(backend, &bottle.id)? {
        return Ok(Exit::Agent(status));
    }
    let error = anyhow!(
        "the log of `{}` ended, and how its agent ended is not known: it was removed, or started again",
        bottle.id
    );
    Err(Error::engine(error).hint("`bottle ls --all` says what became of it"))
}

fn require_detached(bottle: &Bottle) -> Result<()> {
    let hint = match bottle.status {
        Status::Detached | Status::Stopped => return Ok(()),
        Status::Running => {
            "its agent has the terminal that it was started on; `bottle exec` runs another command beside it"
        }
        Status::Starting
        | Status::Ending
        | Status::Orphaned
        | Status::Ended
        | Status::Leftover
        | Status::Unknown => "`bottle logs` shows what is left of its output",
    };
    let error = anyhow!(
        "the bottle `{}` cannot be watched: it is {}, not detached",
        bottle.id,
        bottle.status
    );
    Err(Error::user(error).hint(hint))
}
