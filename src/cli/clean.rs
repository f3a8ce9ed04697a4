//! `bottle clean`.

use anyhow::anyhow;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::remove;
use crate::state::{CleanItem, CleanPlan, Scope, plan_clean};

/// Remove what is left over.
///
/// Removes what bottles left whose launcher died, on every backend, by label: containers, then
/// networks, then the state folder. What others own, and what runs, stays. Images stay as a cache.
#[derive(Clone, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct CleanArgs {
    /// List what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Remove detached, stopped and kept bottles too, and what has no record and does not run
    #[arg(long, short)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &CleanArgs) -> Result<Exit> {
    let inventory = context.survey()?;
    let scope = if args.all {
        Scope::All
    } else {
        Scope::Leftovers
    };
    let plan = plan_clean(&inventory.bottles, scope);
    show(context, args, &plan)?;
    if args.dry_run || plan.is_empty() {
        return Ok(Exit::Success);
    }
    if !args.yes {
        confirm(context)?;
    }
    let mut failed = false;
    for removal in remove(context.registry(), &context.state()?, &plan) {
        match removal.error {
            None => context.ui().note(format!("removed {}", removal.id)),
            Some(error) => {
                failed = true;
                context
                    .ui()
                    .error(&error.context(format!("could not remove `{}`", removal.id)));
            }
        }
    }
    Ok(if failed { Exit::Failure } else { Exit::Success })
}

fn confirm(context: &Context) -> Result<()> {
    let answer = context.ui().confirm("Remove this?");
    let yes =
        answer.map_err(|error| Error::user(error).hint("`bottle clean --yes` does not ask"))?;
    if yes {
        Ok(())
    } else {
        Err(Error::user(anyhow!("nothing was removed")))
    }
}

fn show(context: &Context, args: &CleanArgs, plan: &CleanPlan) -> Result<()> {
    let printed = if args.json {
        context.ui().json(plan)
    } else if plan.is_empty() {
        context.ui().note("nothing is left over");
        Ok(())
    } else {
        let rows: Vec<Vec<String>> = plan.bottles.iter().flat_map(rows).collect();
        context.ui().table(&["ID", "STATUS", "WHAT", "NAME"], &rows)
    };
    printed.map_err(Error::user)
}

fn rows(item: &CleanItem) -> Vec<Vec<String>> {
    let row = |what: String, name: &str| {
        vec![
            item.id.to_string(),
            item.status.to_string(),
            what,
            name.to_owned(),
        ]
    };
    let mut rows: Vec<Vec<String>> = item
        .resources
        .iter()
        .map(|resource| {
            row(
                format!("{} {}", resource.backend, resource.kind),
                &resource.name,
            )
        })
        .collect();
    if item.state {
        rows.push(row("state folder".to_owned(), item.id.as_str()));
    }
    rows
}
