//! `bottle clean`.

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{remove, remove_snapshot};
use crate::state::{CleanItem, CleanPlan, Scope, SnapshotRecord, plan_clean};

/// Remove what is left over.
///
/// Removes what bottles left whose launcher died, on every backend, by label: containers, then
/// networks, then the state folder. What others own, and what runs, stays. Images stay as a cache,
/// and snapshots until `--all` is given.
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

    /// Remove detached, stopped and kept bottles too, snapshots, and what has no record and does not run
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
    let state = context.state()?;
    let plan = plan_clean(&inventory.bottles, scope);
    let snapshots = match scope {
        // A name was given to them so that they stay.
        Scope::Leftovers => Vec::new(),
        Scope::All => state.snapshots()?,
    };
    show(context, args, &plan, &snapshots)?;
    if args.dry_run || plan.is_empty() && snapshots.is_empty() {
        return Ok(Exit::Success);
    }
    if !args.yes {
        confirm(context)?;
    }
    let mut failed = false;
    for taken in &snapshots {
        match remove_snapshot(context.registry(), &state, taken) {
            Ok(()) => context.ui().note(format!("removed {}", taken.name)),
            Err(error) => {
                failed = true;
                let what = format!("could not remove the snapshot `{}`", taken.name);
                context.ui().error(&error.context(what));
            }
        }
    }
    for removal in remove(context.registry(), &state, &plan) {
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

/// What is to be removed, as it is printed.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a CleanPlan,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    snapshots: &'a [SnapshotRecord],
}

fn show(
    context: &Context,
    args: &CleanArgs,
    plan: &CleanPlan,
    snapshots: &[SnapshotRecord],
) -> Result<()> {
    let printed = if args.json {
        context.ui().json(&Shown { plan, snapshots })
    } else if plan.is_empty() && snapshots.is_empty() {
        context.ui().note("nothing is left over");
        Ok(())
    } else {
        let mut rows: Vec<Vec<String>> = plan.bottles.iter().flat_map(rows).collect();
        rows.extend(snapshots.iter().map(|taken| {
            vec![
                taken.name.to_string(),
                "snapshot".to_owned(),
                format!("{} image", taken.backend),
                taken.image.clone(),
            ]
        }));
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
