//! `bottle ls`.

use std::time::Duration;

use bottle_contract::id::Role;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::context::Context;
use crate::error::{Error, Result};
use crate::state::{
    Bottle, Budget, EndedBy, Reach, SnapshotRecord, StateDir, Status, count_denials,
};

/// List bottles.
///
/// Lists what runs, or should: on every backend, whether its launcher lives or not. DENIED counts
/// requests that the sidecar denied; a `+` behind it says that a long log is not yet counted to its end.
#[derive(Clone, Debug, Args)]
pub(super) struct LsArgs {
    /// List what has ended too
    #[arg(long, short)]
    all: bool,

    /// List snapshots instead of bottles
    #[arg(long, conflicts_with = "all")]
    snapshots: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How much of all logs is read in one go. What was counted is not read again.
const COUNTED: u64 = 32 << 20;
/// How long that may take, so that a hundred bottles are listed within 150 ms beside the engines' lists.
const COUNTING: Duration = Duration::from_millis(50);

/// A bottle, as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row<'a> {
    id: &'a str,
    /// The manifest's name.
    name: Option<&'a str>,
    /// The agent's program.
    agent: Option<&'a str>,
    backend: Option<&'a str>,
    status: Status,
    created: Option<&'a str>,
    exit: Option<i32>,
    /// When the agent's time is over, where that has a bound.
    deadline: Option<&'a str>,
    /// Why it ended, where the status alone does not say it.
    ended_by: Option<EndedBy>,
    /// How many requests were denied, where there is a log.
    denied: Option<u64>,
    /// Whether there may be more: a log that has grown much is counted in several goes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    denied_or_more: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &LsArgs) -> Result<()> {
    if args.snapshots {
        return snapshots(context, args);
    }
    let inventory = context.survey()?;
    let shown = inventory
        .bottles
        .iter()
        .filter(|bottle| args.all || lives(bottle.status));
    let state = context.state()?;
    let mut budget = Budget::new(COUNTED).within(COUNTING);
    let rows: Vec<Row<'_>> = shown
        .map(|bottle| row(bottle, &state, &mut budget))
        .collect();
    let printed = if args.json {
        context.ui().json(&rows)
    } else {
        let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        context.ui().table(&HEADERS, &lines)
    };
    printed.map_err(Error::user)
}

fn snapshots(context: &Context, args: &LsArgs) -> Result<()> {
    let found = context.state()?.snapshots()?;
    let printed = if args.json {
        context.ui().json(&found)
    } else {
        let now = Timestamp::now();
        let line = |taken: &SnapshotRecord| {
            vec![
                taken.name.to_string(),
                taken.bottle.to_string(),
                taken.backend.clone(),
                age(Some(&taken.created), now),
            ]
        };
        let lines: Vec<Vec<String>> = found.iter().map(line).collect();
        context
            .ui()
            .table(&["NAME", "BOTTLE", "BACKEND", "AGE"], &lines)
    };
    printed.map_err(Error::user)
}

fn lives(status: Status) -> bool {
    match status {
        Status::Starting
        | Status::Running
        | Status::Ending
        | Status::Detached
        | Status::Stopped
        | Status::Orphaned
        | Status::Unknown => true,
        Status::Ended | Status::Leftover => false,
    }
}

/// The headers of the table.
const HEADERS: [&str; 7] = ["ID", "NAME", "AGENT", "BACKEND", "STATUS", "AGE", "DENIED"];

fn row<'a>(bottle: &'a Bottle, state: &StateDir, budget: &mut Budget) -> Row<'a> {
    // A log that cannot be read is `bottle audit`'s to complain about.
    let denials = bottle
        .stored
        .then(|| count_denials(&state.bottle(&bottle.id), budget).ok())
        .flatten();
    let record = bottle.record.as_ref();
    let resource = bottle.resources.first();
    let agent = bottle
        .resources
        .iter()
        .find(|resource| resource.role == Role::Agent);
    Row {
        id: bottle.id.as_str(),
        name: record.map(|record| record.agent.as_str()),
        agent: record.and_then(|record| record.course.program.as_deref()),
        backend: record
            .map(|record| record.backend.as_str())
            .or(resource.map(|found| found.backend.as_str())),
        status: bottle.status,
        created: record
            .map(|record| record.created.as_str())
            .or(resource.and_then(|found| found.created.as_deref())),
        exit: record
            .and_then(|record| record.exit)
            .or(agent.and_then(|agent| agent.exit)),
        deadline: record.and_then(|record| record.course.deadline.as_deref()),
        ended_by: bottle.ended_by(),
        denied: denials.map(|denials| denials.count),
        denied_or_more: denials.is_some_and(|denials| denials.reach == Reach::Part),
    }
}

fn line(row: &Row<'_>) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let status = match row.exit {
        Some(exit) => format!("{} ({exit})", row.status),
        None => row.status.to_string(),
    };
    let more = if row.denied_or_more { "+" } else { "" };
    let denied = row.denied.map(|count| format!("{count}{more}"));
    vec![
        row.id.to_owned(),
        text(row.name),
        text(row.agent),
        text(row.backend),
        status,
        age(row.created, Timestamp::now()),
        text(denied.as_deref()),
    ]
}

/// The age in its largest unit, since that is what tells bottles apart.
fn age(created: Option<&str>, now: Timestamp) -> String {
    let Some(created) = created.and_then(|text| text.parse::<Timestamp>().ok()) else {
        return "-".to_owned();
    };
    let seconds = now.duration_since(created).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (created, expected) in [
            (Some("2026-01-01T23:59:30Z"), "30s"),
            (Some("2026-01-01T23:00:00Z"), "1h"),
            (Some("2026-01-01T23:58:00.5Z"), "1m"),
            (Some("2025-12-30T00:00:00Z"), "3d"),
            // A clock that jumped back.
            (Some("2026-01-02T00:10:00Z"), "0s"),
            (Some("yesterday"), "-"),
            (None, "-"),
        ] {
            assert_eq!(age(created, now), expected, "{created:?}");
        }
    }
}
