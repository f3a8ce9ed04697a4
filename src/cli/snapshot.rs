//! `bottle snapshot`.

use bottle_contract::id::Name;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch::{Signals, take_snapshot};

/// Keep a bottle's files as an image, to make other bottles from.
///
/// `bottle run --from NAME` makes one: with these files, and with its own policy, CA, secrets and
/// prompt. Those of this bottle are not in the snapshot, but what the agent wrote is, whatever it is.
/// Mounted folders and folders in memory are not. The name is the bottle's id unless one is given.
#[derive(Clone, Debug, Args)]
pub(super) struct SnapshotArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// The snapshot's name
    #[arg(value_name = "NAME")]
    name: Option<Name>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &SnapshotArgs) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => bottle.id.as_str().parse().map_err(|error| {
            Error::user(error).hint("give the snapshot a name: `bottle snapshot ID NAME`")
        })?,
    };
    let signals = Signals::watch()?;
    let state = context.state()?;
    let registry = context.registry();
    let taken = take_snapshot(registry, &state, bottle, &name, &signals, context.ui())?;
    context
        .ui()
        .data(&format!("{}\n", taken.name))
        .map_err(Error::user)
}
