//! `bottle audit`: finds the log, and shows its lines.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::audit::{AuditEvent, AuditRecord, Decision, Outcome};
use bottle_contract::id::BottleId;
use clap::Args;

use super::{stats, verify};
use crate::cli::change::changed;
use crate::cli::context::Context;
use crate::error::{Error, Result};
use crate::launch::Signals;
use crate::state::{BottleDir, Journal, Line, Phase, Record, is_held, select};

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Show what the sidecar decided.
///
/// One line for each request: when, the verdict, what was asked for, and why it was denied. The
/// log lies in the bottle's state folder, and stays after the end with `run --keep`, or when the
/// agent failed.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// Print JSON: the log's own lines, or what `--stats` or `--verify` found
    #[arg(long)]
    pub(in crate::cli) json: bool,

    #[command(flatten)]
    instead: Instead,
}

/// What to do in the place of showing the lines that are there.
#[derive(Clone, Copy, Debug, Args)]
struct Instead {
    /// Go on until the bottle ends
    #[arg(long, short)]
    follow: bool,

    /// Print sums by host and verdict, and for each denial the lines that would allow it
    #[arg(long, conflicts_with_all = ["follow", "verify"])]
    stats: bool,

    /// Check that no line is missing, changed or moved; of a running bottle its sidecar is asked too
    #[arg(long, conflicts_with = "follow")]
    verify: bool,
}

/// Runs the verb.
pub(in crate::cli) fn run(context: &Context, args: &AuditArgs) -> Result<()> {
    let id = find(context, &args.id)?;
    let dir = context.state()?.bottle(&id);
    if args.instead.verify {
        return verify::run(context, &id, &dir, args.json);
    }
    let mut log = open(&id, &dir)?;
    if args.instead.stats {
        return stats::run(context, &mut log, args.json);
    }
    if !args.instead.follow {
        return show(&mut log, context, args);
    }
    let signals = Signals::watch()?;
    while signals.noted().is_none() {
        let alive = lives(&dir)?;
        show(&mut log, context, args)?;
        if !alive {
            break;
        }
        thread::park_timeout(LOOK);
    }
    Ok(())
}

/// Opens a bottle's log at its first line.
pub(super) fn open(id: &BottleId, dir: &BottleDir) -> Result<Journal> {
    Journal::open(&dir.audit_dir())
        .with_context(|| format!("`{id}` has no audit log at `{}`", dir.audit().display()))
        .map_err(Error::user)
}

/// Returns the next line that is whole.
pub(super) fn next_line(log: &mut Journal) -> Result<Option<Line>> {
    log.next_line()
        .context("could not read the audit log")
        .map_err(Error::user)
}

/// Finds a bottle by its folder alone: an engine that is down must not hide what was decided.
fn find(context: &Context, text: &str) -> Result<BottleId> {
    let stored = context.state()?.read()?;
    select(text, stored.records.iter().map(|view| &view.id))
        .cloned()
        .map_err(|error| Error::user(error).hint("`bottle ls --all` lists the bottles there are"))
}

/// The log goes on for as long as the launcher lives, and that of a detached bottle until it is stopped.
pub(super) fn lives(dir: &BottleDir) -> Result<bool> {
    let detached =
        Record::load(&dir.record())?.is_some_and(|record| record.phase == Phase::Detached);
    Ok(detached || is_held(&dir.lock())?)
}

fn show(log: &mut Journal, context: &Context, args: &AuditArgs) -> Result<()> {
    while let Some(line) = next_line(log)? {
        let printed = if args.json {
            Some(format!("{}\n", String::from_utf8_lossy(&line.bytes)))
        } else {
            text(&line)?
        };
        if let Some(printed) = printed {
            context.ui().data(&printed).map_err(Error::user)?;
        }
    }
    Ok(())
}

/// Reads a line's record.
pub(super) fn record(line: &Line) -> Result<AuditRecord> {
    serde_json::from_slice(&line.bytes).map_err(|error| {
        Error::user(anyhow!(
            "line {} of `{}` is damaged: {error}",
            line.number,
            line.file
        ))
    })
}

/// One line for people; `None` for what only a script wants to know.
fn text(line: &Line) -> Result<Option<String>> {
    let record = record(line)?;
    let time = &record.time;
    Ok(match record.event {
        AuditEvent::Opened { routes, .. } => Some(format!("{time}  opened    {routes} routes\n")),
        AuditEvent::Reloaded { routes } => Some(format!("{time}  reloaded  {routes} routes\n")),
        AuditEvent::Changed(change) => Some(format!("{time}  changed   {}\n", changed(&change))),
        AuditEvent::Expired(change) => Some(format!("{time}  ended     {}\n", changed(&change))),
        AuditEvent::Decision(decision) => Some(format!("{time}  {}\n", decided(&decision))),
        AuditEvent::Finished(_) | AuditEvent::Unknown => None,
    })
}

fn decided(decision: &Decision) -> String {
    let verdict = match decision.verdict {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny ",
    };
    let method = decision.method.as_deref().unwrap_or("-");
    let scheme = decision
        .scheme
        .map(|scheme| format!("{scheme}://"))
        .unwrap_or_default();
    let host = decision.host.as_deref().unwrap_or("-");
    let port = decision
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = decision.path.as_deref().unwrap_or_default();
    let why = decision
        .reason
        .map(|reason| format!("  ({reason})"))
        .unwrap_or_default();
    let found = decision
        .found
        .iter()
        .map(|found| format!(": {found}"))
        .chain(
            decision
                .warnings
                .iter()
                .map(|found| format!("  (noted: {found})")),
        )
        .collect::<String>();
    format!("{verdict}     {method} {scheme}{host}{port}{path}{why}{found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Result<Option<String>> {
        text(&Line {
            file: "audit.jsonl".to_owned(),
            number: 3,
            bytes: line.as_bytes().to_vec(),
        })
    }

    #[test]
    fn a_decision_is_one_line() {
        let line = r#"{"time":"T","event":"decision","id":1,"verdict":"deny","reason":"host","method":"CONNECT","host":"evil.test","port":443}"#;
        assert_eq!(
            shown(line).unwrap().unwrap(),
            "T  deny      CONNECT evil.test:443  (no route names this host)\n"
        );
        assert_eq!(shown(r#"{"time":"T","event":"later"}"#).unwrap(), None);
        let damaged = shown("{").unwrap_err().parts().remove(0).1;
        assert!(
            damaged.starts_with("line 3 of `audit.jsonl` is damaged"),
            "{damaged}"
        );
    }
}
