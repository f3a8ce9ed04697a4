//! `bottle diff`.

use std::fmt::Write as _;

use bottle_contract::tree::Node;
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::pager;
use crate::error::Result;
use crate::launch::homecoming::{Contents, Item, Review, Selection, What, open, show};
use crate::ui::Tone;

/// The most that is shown at once, in bytes: a pager keeps all of it.
const SHOWN: usize = 64 << 20;

/// Show what an agent changed in its copy of the workspace
///
/// Compares with what was copied in, in a bottle that runs or from what was saved when it ended:
/// contents, permissions, symlinks, new and deleted files. On a terminal it goes through `$PAGER`.
/// What cannot be seen, or would command a terminal, is written out, so that no file can hide
/// anything; `bottle pull` takes the files as they are. A line with `!` names what `bottle pull`
/// does not take unasked, and why. Commits and branches in the copy's own `.git` are only counted:
/// name `.git` to see them.
#[derive(Clone, Debug, Args)]
pub(super) struct DiffArgs {
    /// The bottle, by its id or a unique beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// Only these files and folders, seen from the top of the workspace
    #[arg(value_name = "PATH")]
    paths: Vec<String>,

    /// Show how many lines each file gained and lost
    #[arg(long, conflicts_with_all = ["name_only", "json"])]
    stat: bool,

    /// Show only the names
    #[arg(long, conflicts_with = "json")]
    name_only: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// One change, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row<'a> {
    path: String,
    change: &'static str,
    before: Option<&'a Node>,
    now: Option<&'a Node>,
    /// Why it is not taken unasked.
    risk: Option<&'a str>,
    /// Why its content is not here.
    missing: Option<&'a str>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<()> {
    let selection = Selection::new(args.paths.iter().map(String::as_str))?;
    let contents = if args.name_only {
        Contents::Left
    } else {
        Contents::Taken
    };
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let opened = open(
        context.registry(),
        &context.state()?,
        bottle,
        (&selection, contents),
    )?;
    let empty = Vec::new();
    let all = opened
        .review
        .as_ref()
        .map_or(&empty, |review| &review.items);
    // Commits and branches are shown to those who ask for them by name.
    let (records, items): (Vec<&Item>, Vec<&Item>) = all
        .iter()
        .filter(|item| !item.implied && selection.holds(&item.path))
        .partition(|item| item.record && selection.is_whole());
    if args.json {
        let rows: Vec<Row<'_>> = items.iter().map(|item| row(item)).collect();
        return Ok(context.ui().json(&rows)?);
    }
    let Some(review) = &opened.review else {
        context.ui().note("nothing has changed");
        return Ok(());
    };
    for unread in &review.unread {
        let (path, why) = (&unread.path, &unread.why);
        context
            .ui()
            .warn(format!("`{path}` could not be looked at: {why}"));
    }
    if !records.is_empty() {
        let count = records.len();
        context.ui().note(format!(
            "git's own records changed as well, {count} files of commits and branches: name `.git` to see them"
        ));
    }
    let text = if args.name_only {
        names(&items)
    } else if args.stat {
        stat(review, &items)
    } else {
        whole(context, review, &items)
    };
    pager::show(context, text)
}

fn names(items: &[&Item]) -> String {
    items.iter().fold(String::new(), |mut text, item| {
        // Writing to a string does not fail.
        writeln!(text, "{}", item.path).ok();
        text
    })
}

fn row(item: &Item) -> Row<'_> {
    Row {
        path: item.path.to_string(),
        change: word(item),
        before: item.before.as_ref(),
        now: item.now.as_ref(),
        risk: item.risk.as_deref(),
        missing: item.missing.as_deref(),
    }
}

fn word(item: &Item) -> &'static str {
    match item.what() {
        What::New => "new",
        What::Changed => "changed",
        What::Deleted => "deleted",
    }
}

fn stat(review: &Review, items: &[&Item]) -> String {
    let mut text = String::new();
    for item in items {
        let count = match show(review, item).count {
            Some((added, removed)) => format!("+{added} -{removed}"),
            None => "-".to_owned(),
        };
        let alert = if item.risk.is_some() { "  !" } else { "" };
        // Writing to a string does not fail.
        writeln!(text, "{:7}  {count:>12}  {}{alert}", word(item), item.path).ok();
    }
    text
}

fn whole(context: &Context, review: &Review, items: &[&Item]) -> String {
    let coloured = pager::is_read_now();
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if text.len() > SHOWN {
            let left = items.len() - at;
            writeln!(
                text,
                "{left} more are not shown: name those that you want to see"
            )
            .ok();
            break;
        }
        for (tone, line) in show(review, item).lines {
            let tone = if coloured { tone } else { Tone::Plain };
            writeln!(text, "{}", context.ui().toned(tone, &line)).ok();
        }
    }
    text
}
