//! What the audit log says, for the end of a run.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bottle_contract::audit::{AuditEvent, AuditRecord, Decision, Outcome};

use crate::state::Journal;

/// The most lines that a summary has; an agent can ask for as many names as it likes.
const MOST: usize = 20;

/// Counts the denied requests by what they asked for: `host:port (reason)`, over all files of the
/// log in this folder. What cannot be read is left out.
pub(super) fn denials(folder: &Path) -> io::Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let mut journal = match Journal::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(counts),
        outcome => outcome?,
    };
    while let Some(line) = journal.next_line()? {
        let Ok(record) = serde_json::from_slice::<AuditRecord>(&line.bytes) else {
            continue;
        };
        if let AuditEvent::Decision(decision) = record.event
            && decision.verdict == Outcome::Deny
        {
            let what = describe(&decision);
            let what = if counts.len() < MOST || counts.contains_key(&what) {
                what
            } else {
                "others".to_owned()
            };
            *counts.entry(what).or_default() += 1;
        }
    }
    Ok(counts)
}

fn describe(decision: &Decision) -> String {
    let host = decision.host.as_deref().unwrap_or("?");
    let port = decision
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let reason = decision
        .reason
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    format!("{host}{port}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::write_atomic;

    #[test]
    fn denials_are_counted_and_broken_lines_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let earlier = folder.path().join("audit.1.jsonl");
        let deny = r#"{"time":"t","event":"decision","id":1,"verdict":"deny","reason":"host","host":"a.test","port":443}"#;
        let allow = r#"{"time":"t","event":"decision","id":2,"verdict":"allow","host":"b.test","port":443}"#;
        write_atomic(&path, format!("{deny}\n{allow}\n{{\"half\n").as_bytes()).unwrap();
        write_atomic(&earlier, format!("{deny}\n").as_bytes()).unwrap();
        let counts = denials(folder.path()).unwrap();
        assert_eq!(
            counts,
            BTreeMap::from([("a.test:443 (no route names this host)".to_owned(), 2)])
        );
        assert!(denials(Path::new("/nonexistent/audit")).unwrap().is_empty());
    }
}
