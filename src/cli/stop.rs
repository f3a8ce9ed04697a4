//! `bottle stop`.

use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch;

/// End a bottle and remove what was made for it.
///
/// The agent is asked to end, and killed when it does not. Everything is removed as at the end of
/// `run`; what the agent changed in its copy of the workspace is saved before, for `bottle pull`, and
/// stays until that is done or `bottle rm` removes it. A detached bottle that was begun with `--keep`
/// is not removed: it stays with its files, its logs and its audit, and `bottle start` starts it again,
/// until `bottle rm` removes it. On the native backend only the logs and the audit stay.
#[derive(Clone, Debug, Args)]
pub(super) struct StopArgs {
    /// The bottles: their ids, or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &StopArgs) -> Result<()> {
    let inventory = context.survey()?;
    for bottle in inventory.find_all(&args.ids)? {
        launch::stop(context.registry(), &context.state()?, bottle, context.ui())?;
        context
            .ui()
            .data(&format!("{}\n", bottle.id))
            .map_err(Error::user)?;
    }
    Ok(())
}
