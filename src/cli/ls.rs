//! `bottle ls`.

use bottle_contract::id::Role;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::context::Context;
use crate::error::{Error, Result};
use crate::state::{Bottle, Status};

/// List bottles.
///
/// Lists what runs, or should: on every backend, whether its launcher lives or not.
#[derive(Clone, Debug, Args)]
pub(super) struct LsArgs {
    /// List what has ended too
    #[arg(long, short)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A bottle, as it is listed.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    agent: Option<&'a str>,
    backend: Option<&'a str>,
    status: Status,
    created: Option<&'a str>,
    exit: Option<i32>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &LsArgs) -> Result<()> {
    let inventory = context.survey()?;
    let shown = inventory
        .bottles
        .iter()
        .filter(|bottle| args.all || lives(bottle.status));
    let rows: Vec<Row<'_>> = shown.map(row).collect();
    let printed = if args.json {
        context.ui().json(&rows)
    } else {
        let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        context
            .ui()
            .table(&["ID", "AGENT", "BACKEND", "STATUS", "AGE"], &lines)
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

fn row(bottle: &Bottle) -> Row<'_> {
    let record = bottle.record.as_ref();
    let resource = bottle.resources.first();
    let agent = bottle
        .resources
        .iter()
        .find(|resource| resource.role == Role::Agent);
    Row {
        id: bottle.id.as_str(),
        agent: record.map(|record| record.agent.as_str()),
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
    }
}

fn line(row: &Row<'_>) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let status = match row.exit {
        Some(exit) => format!("{} ({exit})", row.status),
        None => row.status.to_string(),
    };
    vec![
        row.id.to_owned(),
        text(row.agent),
        text(row.backend),
        status,
        age(row.created, Timestamp::now()),
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
