//! `bottle audit --verify`: whether the lines are those that the sidecar wrote, all of them.

use std::fmt;

use anyhow::anyhow;
use bottle_contract::audit::Head;
use bottle_contract::control::{Reply, Request};
use bottle_contract::id::BottleId;
use serde::Serialize;

use super::show::{lives, next_line, open};
use crate::cli::context::Context;
use crate::error::{Error, Result};
use crate::launch::{ask, unfit};
use crate::state::{BottleDir, Chain, Record};

/// The most problems that are named; the first ones tell where to look.
const MOST: usize = 20;

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// How many lines were read.
    lines: u64,
    /// The number of the last line.
    last: u64,
    /// Who says where the log ends.
    sidecar: Asked,
    problems: Vec<Problem>,
    /// How many more problems there are.
    more: usize,
    /// The bytes after the last whole line.
    torn: usize,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    /// The bottle does not run, and nobody remembers where its log ended.
    #[default]
    Ended,
    Compared,
    /// The sidecar was asked when the bottle ended.
    Remembered,
    Silent,
}

#[derive(Debug, Serialize)]
struct Problem {
    /// `None` for what is about the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    what: String,
}

/// Checks a bottle's log, and fails when it is broken.
pub(super) fn run(context: &Context, id: &BottleId, dir: &BottleDir, json: bool) -> Result<()> {
    // Asked first: what is written meanwhile comes after it.
    let (told, sidecar) = told(context, id, dir)?;
    let report = check(id, dir, told, sidecar)?;
    if json {
        context.ui().json(&report).map_err(Error::user)?;
    } else {
        context
            .ui()
            .data(&report.to_string())
            .map_err(Error::user)?;
    }
    if report.problems.is_empty() {
        return Ok(());
    }
    Err(Error::user(anyhow!(
        "the audit log of `{id}` is not as its sidecar wrote it"
    )))
}

fn told(context: &Context, id: &BottleId, dir: &BottleDir) -> Result<(Option<Head>, Asked)> {
    let Some(record) = Record::load(&dir.record())? else {
        return Ok((None, Asked::Ended));
    };
    if !lives(dir)? {
        return Ok(match record.audit_head {
            Some(head) => (Some(head), Asked::Remembered),
            None => (None, Asked::Ended),
        });
    }
    let asked = context
        .backend(&record.backend)
        .and_then(|backend| ask(backend, id, &Request::AuditHead));
    match asked {
        Ok(Reply::AuditHead { head }) => Ok((Some(head), Asked::Compared)),
        Ok(reply) => Err(unfit(&reply)),
        Err(error) => {
            context.ui().error(&error.context(
                "the sidecar does not say where its log ends, so only the lines themselves are checked",
            ));
            Ok((None, Asked::Silent))
        }
    }
}

fn check(id: &BottleId, dir: &BottleDir, told: Option<Head>, sidecar: Asked) -> Result<Report> {
    let mut log = open(id, dir)?;
    let mut chain = Chain::new(id.clone(), told);
    let mut report = Report {
        sidecar,
        ..Report::default()
    };
    while let Some(line) = next_line(&mut log)? {
        report.lines += 1;
        if let Err(broken) = chain.check(&line.bytes) {
            report.note(Some((line.file, line.number)), broken.to_string());
        }
    }
    if let Err(broken) = chain.end() {
        report.note(None, broken.to_string());
    }
    report.last = chain.last();
    report.torn = log.torn().map_or(0, <[u8]>::len);
    if report.lines == 0 && report.problems.is_empty() {
        report.note(None, "the log is empty".to_owned());
    }
    Ok(report)
}

impl Report {
    fn note(&mut self, place: Option<(String, u64)>, what: String) {
        if self.problems.len() >= MOST {
            self.more += 1;
            return;
        }
        let (file, line) = place.unzip();
        self.problems.push(Problem { file, line, what });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            match (&problem.file, problem.line) {
                (Some(file), Some(line)) => writeln!(out, "{file}:{line}: {}", problem.what)?,
                (None, _) | (_, None) => writeln!(out, "{}", problem.what)?,
            }
        }
        if self.more > 0 {
            writeln!(out, "{} more problems", self.more)?;
        }
        if self.torn > 0 {
            writeln!(
                out,
                "the last line is torn: {} bytes without an end, as a crash leaves them",
                self.torn
            )?;
        }
        let end = match self.sidecar {
            Asked::Compared => "the end is the one that the sidecar remembers",
            Asked::Remembered => "the end is the one that the sidecar told when the bottle ended",
            Asked::Silent => "the end was not compared: the sidecar did not answer",
            Asked::Ended => "the end was not compared: the bottle does not run",
        };
        if self.problems.is_empty() {
            writeln!(
                out,
                "{} lines, none missing, changed or moved; {end}",
                self.lines
            )
        } else {
            writeln!(out, "{} lines; the chain is broken", self.lines)
        }
    }
}
