//! `bottle rm`.

use bottle_contract::id::Name;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch::{Force, discard, remove_snapshot, snapshot_named};

/// Remove a bottle, with its files, its logs and its audit.
///
/// A bottle that runs stays, unless `--force` is given.
#[derive(Clone, Debug, Args)]
pub(super) struct RmArgs {
    /// The bottles: their ids, or the beginnings of them
    #[arg(required_unless_present = "snapshots", value_name = "ID")]
    ids: Vec<String>,

    /// Remove this snapshot, with its image; may be repeated
    #[arg(long = "snapshot", value_name = "NAME")]
    snapshots: Vec<Name>,

    /// End it first when it runs
    #[arg(long, short)]
    force: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &RmArgs) -> Result<()> {
    let state = context.state()?;
    for name in &args.snapshots {
        let record = snapshot_named(&state, name)?;
        remove_snapshot(context.registry(), &state, &record)?;
        context
            .ui()
            .data(&format!("{name}\n"))
            .map_err(Error::user)?;
    }
    if args.ids.is_empty() {
        return Ok(());
    }
    let inventory = context.survey()?;
    let force = if args.force { Force::Yes } else { Force::No };
    for bottle in inventory.find_all(&args.ids)? {
        discard(context.registry(), &state, bottle, force)?;
        context
            .ui()
            .data(&format!("{}\n", bottle.id))
            .map_err(Error::user)?;
    }
    Ok(())
}
