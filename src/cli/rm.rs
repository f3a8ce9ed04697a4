//! `bottle rm`.

use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch::{Force, discard};
use crate::state::Bottle;

/// Remove a bottle, with its files, its logs and its audit.
///
/// A bottle that runs stays, unless `--force` is given.
#[derive(Clone, Debug, Args)]
pub(super) struct RmArgs {
    /// The bottles: their ids, or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,

    /// End it first when it runs
    #[arg(long, short)]
    force: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &RmArgs) -> Result<()> {
    let inventory = context.survey()?;
    let bottles: Vec<&Bottle> = args
        .ids
        .iter()
        .map(|id| inventory.find(id))
        .collect::<Result<_>>()?;
    let force = if args.force { Force::Yes } else { Force::No };
    for bottle in bottles {
        discard(context.registry(), &context.state()?, bottle, force)?;
        context
            .ui()
            .data(&format!("{}\n", bottle.id))
            .map_err(Error::user)?;
    }
    Ok(())
}
