//! `bottle exec`.

use anyhow::anyhow;
use clap::Args;

use super::context::Context;
use crate::backends::{ExecOptions, Interrupted, Terminal};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{Attachment, Signals, attach, backend_of, terminal};
use crate::state::Bottle;

/// Run a command in a running bottle.
///
/// The command runs as the agent's user, with the agent's environment, behind the same sidecar.
#[derive(Clone, Debug, Args)]
pub(super) struct ExecArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// Plain streams, also on a terminal
    #[arg(long)]
    no_tty: bool,

    /// The command
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<String>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: ExecArgs) -> Result<Exit> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    require_running(bottle)?;
    let backend = backend_of(context.registry(), bottle)?;
    let options = ExecOptions {
        id: bottle.id.clone(),
        terminal: if args.no_tty {
            Terminal::Streams
        } else {
            terminal()
        },
        argv: args.command,
    };
    let signals = Signals::watch()?;
    Ok(
        match attach(&backend.exec(&options)?, &signals, context.ui(), None)? {
            Attachment::Ended(status) => Exit::Agent(status),
            Attachment::TimedOut => Exit::TimedOut,
            Attachment::Interrupted(Interrupted(signal)) => Exit::Signal(signal),
        },
    )
}

/// Nothing runs in a bottle whose seal is not checked, and nothing can in one that has ended.
pub(super) fn require_running(bottle: &Bottle) -> Result<()> {
    if bottle.status.runs() {
        return Ok(());
    }
    let error = anyhow!(
        "the bottle `{}` does not run: it is {}",
        bottle.id,
        bottle.status
    );
    Err(Error::user(error).hint("`bottle ls` lists the bottles that run"))
}
