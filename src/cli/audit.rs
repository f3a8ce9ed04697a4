//! `bottle audit`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::audit::{AuditEvent, AuditRecord, Decision, Outcome};
use bottle_contract::id::BottleId;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch::Signals;
use crate::state::{BottleDir, Phase, Record, is_held, select};

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Show what the sidecar decided.
///
/// One line for each request: when, the verdict, what was asked for, and why it was denied. The
/// log lies in the bottle's state folder, and stays after the end with `run --keep`, or when the
/// agent failed.
#[derive(Clone, Debug, Args)]
pub(super) struct AuditArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// Print the log's own JSON lines
    #[arg(long)]
    pub(super) json: bool,

    /// Go on until the bottle ends
    #[arg(long, short)]
    follow: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &AuditArgs) -> Result<()> {
    let id = find(context, &args.id)?;
    let dir = context.state()?.bottle(&id);
    let path = dir.audit();
    let file = File::open(&path)
        .with_context(|| format!("`{id}` has no audit log at `{}`", path.display()))
        .map_err(Error::user)?;
    let mut log = Log {
        lines: BufReader::new(file),
        partial: String::new(),
    };
    if !args.follow {
        return log.show(context, args);
    }
    let signals = Signals::watch()?;
    while signals.noted().is_none() {
        let alive = lives(&dir)?;
        log.show(context, args)?;
        if !alive {
            break;
        }
        thread::park_timeout(LOOK);
    }
    Ok(())
}

/// Finds a bottle by its folder alone: an engine that is down must not hide what was decided.
fn find(context: &Context, text: &str) -> Result<BottleId> {
    let stored = context.state()?.read()?;
    select(text, stored.records.iter().map(|view| &view.id))
        .cloned()
        .map_err(|error| Error::user(error).hint("`bottle ls --all` lists the bottles there are"))
}

/// The log goes on for as long as the launcher lives, and that of a detached bottle until it is stopped.
fn lives(dir: &BottleDir) -> Result<bool> {
    let detached =
        Record::load(&dir.record())?.is_some_and(|record| record.phase == Phase::Detached);
    Ok(detached || is_held(&dir.lock())?)
}

/// The log from where it was read to.
struct Log {
    lines: BufReader<File>,
    /// A line whose end is not written yet.
    partial: String,
}

impl Log {
    fn show(&mut self, context: &Context, args: &AuditArgs) -> Result<()> {
        while self.next_line()? {
            let line = std::mem::take(&mut self.partial);
            let printed = if args.json {
                Some(line)
            } else {
                text(line.trim_end())?
            };
            if let Some(printed) = printed {
                context.ui().data(&printed).map_err(Error::user)?;
            }
        }
        Ok(())
    }

    fn next_line(&mut self) -> Result<bool> {
        let read = self.lines.read_line(&mut self.partial);
        read.context("could not read the audit log")
            .map_err(Error::user)?;
        Ok(self.partial.ends_with('\n'))
    }
}

/// One line for people; `None` for what only a script wants to know.
fn text(line: &str) -> Result<Option<String>> {
    let record: AuditRecord = serde_json::from_str(line)
        .map_err(|error| Error::user(anyhow!("a line of the audit log is damaged: {error}")))?;
    let time = &record.time;
    Ok(match record.event {
        AuditEvent::Opened { routes, .. } => Some(format!("{time}  opened    {routes} routes\n")),
        AuditEvent::Reloaded { routes } => Some(format!("{time}  reloaded  {routes} routes\n")),
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
    format!("{verdict}     {method} {scheme}{host}{port}{path}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_line() {
        let line = r#"{"time":"T","event":"decision","id":1,"verdict":"deny","reason":"host","method":"CONNECT","host":"evil.test","port":443}"#;
        assert_eq!(
            text(line).unwrap().unwrap(),
            "T  deny      CONNECT evil.test:443  (no route names this host)\n"
        );
        assert_eq!(text(r#"{"time":"T","event":"later"}"#).unwrap(), None);
        assert!(text("{").is_err());
    }
}
