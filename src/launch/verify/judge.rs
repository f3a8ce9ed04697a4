//! What an attack's report means, together with what arrived on the host. Pure.

use std::fmt;

use bottle_contract::attack::{AttackReport, Control, Finding, Tried};
use bottle_contract::attempts::{ATTEMPTS, Acceptable, Entry, Scope};
use serde::Serialize;

use super::witness::Arrivals;
use crate::backends::HostAccess;

/// What an attempt says of the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was stopped, and the same means work where they should.
    Held,
    /// The host's own services can be reached, and `host-access = "warn"` accepts that.
    Accepted,
    /// It proves nothing.
    Inconclusive,
    /// It got through: a hole.
    Open,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Inconclusive => "inconclusive",
            Self::Open => "open",
        })
    }
}

/// One attempt, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The attempt's stable name.
    pub id: &'static str,
    /// What should hold.
    pub control: &'static str,
    /// What was tried.
    pub attempt: &'static str,
    /// What it says of the wall.
    pub result: Verdict,
    /// What was seen.
    pub evidence: String,
    /// What showed that the same means work where they should.
    pub positive_control: String,
}

/// A whole attack, judged.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The bottle.
    pub bottle: String,
    /// The backend.
    pub backend: String,
    /// Whether each attempt was stopped, or is accepted.
    pub held: bool,
    /// Every attempt.
    pub attempts: Vec<Row>,
}

impl Verified {
    /// Puts the rows together.
    pub(super) fn new(bottle: &str, backend: &str, attempts: Vec<Row>) -> Self {
        let good = |row: &Row| matches!(row.result, Verdict::Held | Verdict::Accepted);
        Self {
            bottle: bottle.to_owned(),
            backend: backend.to_owned(),
            // An attack of no attempts has shown nothing.
            held: !attempts.is_empty() && attempts.iter().all(good),
            attempts,
        }
    }

    /// Returns the attempts with this result.
    pub fn with(&self, result: Verdict) -> impl Iterator<Item = &Row> {
        self.attempts.iter().filter(move |row| row.result == result)
    }
}

/// What is known beside the report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// What arrived at the witness, by the attempt's id.
    pub(super) arrivals: &'a Arrivals,
    /// Why the witness proves nothing, when it does not.
    pub(super) deaf: Option<&'a str>,
    /// In which kind of bottle the attack was made.
    pub(super) scope: Scope,
    /// What holds for the host's own services.
    pub(super) host_access: HostAccess,
}

/// Judges every attempt that belongs to this kind of bottle; one that is missing proves nothing.
pub(super) fn judge(report: &AttackReport, known: Known<'_>) -> Vec<Row> {
    ATTEMPTS
        .iter()
        .filter(|entry| entry.scope == Scope::Every || known.scope == Scope::Own)
        .map(|entry| {
            let tried = report.tried.iter().find(|tried| tried.id == entry.id);
            let (result, evidence) = verdict(entry, tried, known);
            Row {
                id: entry.id,
                control: entry.control,
                attempt: entry.attempt,
                result,
                evidence,
                positive_control: tried
                    .map(|tried| tried.control_evidence.clone())
                    .unwrap_or_default(),
            }
        })
        .collect()
}

fn verdict(entry: &Entry, tried: Option<&Tried>, known: Known<'_>) -> (Verdict, String) {
    if let Some(arrived) = arrived(entry, known.arrivals) {
        let seen = tried.map_or("", |tried| tried.evidence.as_str());
        return (opened(entry, known), format!("{arrived}; {seen}"));
    }
    let Some(tried) = tried else {
        return (Verdict::Inconclusive, "it was not tried".to_owned());
    };
    let evidence = tried.evidence.clone();
    match (tried.finding, tried.control) {
        // What got through needs no other proof.
        (Finding::Through, _) => (opened(entry, known), evidence),
        (Finding::Unclear, _) => (Verdict::Inconclusive, evidence),
        (Finding::Stopped, Control::Failed) => {
            let why = format!("its control failed: {}", tried.control_evidence);
            (Verdict::Inconclusive, why)
        }
        (Finding::Stopped, Control::Worked) => match known.deaf.filter(|_| heard(entry)) {
            Some(why) => (Verdict::Inconclusive, why.to_owned()),
            None => (Verdict::Held, evidence),
        },
    }
}

fn opened(entry: &Entry, known: Known<'_>) -> Verdict {
    match (entry.acceptable, known.host_access) {
        (Acceptable::HostServices, HostAccess::Warn) => Verdict::Accepted,
        (Acceptable::HostServices, HostAccess::Refuse) | (Acceptable::Nothing, _) => Verdict::Open,
    }
}

/// Tells whether the witness has a say: about the attempts that aim at the host.
fn heard(entry: &Entry) -> bool {
    matches!(entry.control, "network" | "proxy")
}

fn arrived(entry: &Entry, arrivals: &Arrivals) -> Option<String> {
    // What a redirect leads to has a name of its own.
    let name = match entry.id {
        "proxy-redirect" => "followed",
        id => id,
    };
    let from: Vec<String> = arrivals
        .get(name)?
        .iter()
        .map(ToString::to_string)
        .collect();
    Some(format!("it arrived on the host, from {}", from.join(", ")))
}
