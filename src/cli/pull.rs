//! `bottle pull`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use bottle_contract::tree::TreePath;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::homecoming::{
    Branch, Consent, Contents, Destination, Landing, Outcome, Overwrite, Rehearsal, Review,
    Selection, Sum, branch, open, pull,
};
use crate::state::Bottle;

/// How many names are listed of what is not taken.
const NAMES: usize = 50;

/// Take what an agent changed in its copy of the workspace
///
/// Takes all of it, or the paths that are named, into the folder that was copied in. A file that
/// changed here meanwhile stays, and is named. So is a file that would run here without being
/// asked to: git's own and its hooks, CI files, what a shell, an editor, a package manager or a
/// coding agent reads at its start, and whatever became executable. Read it in `bottle diff`, then
/// name it, as in `bottle pull ID .github`. Symlinks that may lead out of the tree, pipes and devices
/// are never taken. The status is 1 when something was not taken. Once all is taken, what was saved of
/// an ended bottle goes. Commits that the agent made stay in the bottle: `--branch` makes one commit of
/// all changes, and `bottle pull ID .git --to DIR` takes them as they are.
#[derive(Clone, Debug, Args)]
pub(super) struct PullArgs {
    /// The bottle, by its id or a unique beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// Only these files and folders, seen from the top of the workspace
    #[arg(value_name = "PATH")]
    paths: Vec<String>,

    /// Take it into this folder instead; it is made when it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "branch")]
    to: Option<PathBuf>,

    /// Make a git branch of it, on top of the commit that was copied in, and touch no file
    #[arg(long, value_name = "NAME", conflicts_with_all = ["dry_run", "force"])]
    branch: Option<String>,

    /// Only print what would be taken
    #[arg(long)]
    dry_run: bool,

    /// Also take files that changed here meanwhile, over what is here
    #[arg(long)]
    force: bool,

    /// Also take files that would run here
    #[arg(long)]
    risky: bool,
}

impl PullArgs {
    fn consent(&self) -> Consent {
        if self.risky {
            Consent::All
        } else {
            Consent::Named
        }
    }
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &PullArgs) -> Result<Exit> {
    let selection = Selection::new(args.paths.iter().map(String::as_str))?;
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let mut opened = open(
        context.registry(),
        &context.state()?,
        bottle,
        (&selection, Contents::Taken),
    )?;
    let Some(review) = opened.review.take() else {
        context.ui().note("nothing has changed");
        return Ok(Exit::Success);
    };
    say_unmet(&selection, &review)?;
    for unread in &review.unread {
        let (path, why) = (&unread.path, &unread.why);
        context
            .ui()
            .warn(format!("`{path}` could not be looked at: {why}"));
    }
    let whole = selection.is_whole() && review.unread.is_empty();
    let rest = match &args.branch {
        Some(name) => into_branch(context, args, (bottle, name), review, &selection)?,
        None => into_folder(context, args, &review, &selection)?,
    };
    if rest.aside > 0 && opened.is_saved() {
        context.ui().note(format!(
            "the rest stays here until `bottle rm {}` removes it",
            bottle.id
        ));
    }
    if rest.left > 0 {
        return Ok(Exit::Failure);
    }
    if whole && rest.aside == 0 && !args.dry_run {
        opened.settle()?;
    }
    Ok(Exit::Success)
}

/// How much was not taken.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// What was meant.
    left: usize,
    /// What nobody meant: git's own records, and what git ignores.
    aside: usize,
}

fn say_unmet(selection: &Selection, review: &Review) -> Result<()> {
    let paths: Vec<&TreePath> = review.items.iter().map(|item| &item.path).collect();
    match selection.unmet(&paths).next() {
        Some(path) => Err(Error::user(anyhow!("nothing has changed at `{path}`"))
            .hint("`bottle diff --name-only` shows what has")),
        None => Ok(()),
    }
}

/// Returns how much was not taken.
fn into_folder(
    context: &Context,
    args: &PullArgs,
    review: &Review,
    selection: &Selection,
) -> Result<Rest> {
    let to = match &args.to {
        Some(folder) => Destination::Other(context.absolute(folder)),
        None => Destination::Source(review.source.clone()),
    };
    let rehearsal = if args.dry_run {
        Rehearsal::Yes
    } else {
        Rehearsal::No
    };
    if rehearsal == Rehearsal::No && matches!(to, Destination::Other(_)) {
        fs::create_dir_all(to.folder())
            .with_context(|| format!("could not make `{}`", to.folder().display()))
            .map_err(Error::user)?;
    }
    let landing = Landing {
        selection,
        consent: args.consent(),
        overwrite: if args.force {
            Overwrite::Always
        } else {
            Overwrite::Never
        },
        rehearsal,
    };
    let outcome = pull(review, &to, landing)?;
    say_taken(context, review, &to, &outcome, rehearsal)?;
    say_left(context, &outcome.left);
    say_records(context, outcome.records);
    match outcome.failed {
        Some(error) => Err(error.hint("every file is whole; run it again for the rest")),
        None => Ok(Rest {
            left: outcome.left.len(),
            aside: outcome.records,
        }),
    }
}

fn say_taken(
    context: &Context,
    review: &Review,
    to: &Destination,
    outcome: &Outcome,
    rehearsal: Rehearsal,
) -> Result<()> {
    if rehearsal == Rehearsal::Yes || outcome.failed.is_some() {
        for path in &outcome.taken {
            context.ui().data(&format!(
                "{path}
"
            ))?;
        }
    }
    let taken: BTreeSet<&TreePath> = outcome.taken.iter().collect();
    let items = review.items.iter();
    let sum = Sum::of(items.filter(|item| taken.contains(&item.path)));
    let folder = to.folder().display();
    let ui = context.ui();
    match (outcome.taken.is_empty(), rehearsal) {
        (true, _) if outcome.already > 0 => ui.note(format!("`{folder}` has it already")),
        (true, _) => ui.note("nothing was taken"),
        (false, Rehearsal::No) => ui.note(format!("taken into `{folder}`: {sum}")),
        (false, Rehearsal::Yes) => ui.note(format!("would be taken into `{folder}`: {sum}")),
    }
    Ok(())
}

fn into_branch(
    context: &Context,
    args: &PullArgs,
    (bottle, name): (&Bottle, &str),
    review: Review,
    selection: &Selection,
) -> Result<Rest> {
    let agent = bottle.record.as_ref().map(|record| record.agent.as_str());
    let made = branch(
        review,
        &Branch {
            name,
            id: &bottle.id,
            agent: agent.unwrap_or("an agent"),
            path: context.env().path(),
            selection,
            consent: args.consent(),
        },
    )?;
    say_left(context, &made.left);
    say_records(context, made.records);
    if made.ignored > 0 {
        let count = made.ignored;
        context
            .ui()
            .note(format!("{count} files that git ignores here are not in it"));
    }
    if made.taken == 0 {
        context
            .ui()
            .note("nothing was taken, so no branch was made");
    } else {
        let count = made.taken;
        context.ui().note(format!(
            "the branch `{name}` has {count} changes: git diff HEAD...{name}"
        ));
    }
    Ok(Rest {
        left: made.left.len(),
        aside: made.records + made.ignored,
    })
}

fn say_records(context: &Context, records: usize) {
    if records > 0 {
        context.ui().note(format!(
            "git's own records in the bottle, {records} files of commits and branches, are taken only where `.git` is named"
        ));
    }
}

fn say_left(context: &Context, left: &[(TreePath, String)]) {
    for (path, why) in left.iter().take(NAMES) {
        context.ui().warn(format!("not taken: `{path}`: {why}"));
    }
    if let Some(more) = left.len().checked_sub(NAMES).filter(|more| *more > 0) {
        context.ui().warn(format!("{more} more were not taken"));
    }
    if !left.is_empty() {
        context
            .ui()
            .note("`bottle diff` shows it; what would run here is taken when you name it");
    }
}
