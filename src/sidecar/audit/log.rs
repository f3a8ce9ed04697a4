//! The log itself: what goes into it, when, and in which order.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bottle_contract::audit::{AuditEvent, Head, Outcome};
use bottle_contract::config::LogLevel;
use http::header::{HeaderMap, HeaderName};
use jiff::Timestamp;
use serde::Serialize;

use super::headers::shown;
use super::journal::{Bounds, Journal};

/// An open audit log.
#[derive(Debug)]
pub struct AuditLog {
    /// Held for the length of a write, so that the lines' order is that of their numbers.
    journal: Mutex<Journal>,
    level: LogLevel,
    last_id: AtomicU64,
}

/// A line without its place in the chain.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    #[serde(flatten)]
    event: &'a AuditEvent,
}

impl AuditLog {
    /// Opens the log, readable by its owner only, and keeps what is in it.
    pub fn open(path: &Path, level: LogLevel) -> io::Result<Self> {
        Ok(Self {
            journal: Mutex::new(Journal::open(path, Bounds::default())?),
            level,
            last_id: AtomicU64::new(0),
        })
    }

    /// Returns the number of the next request.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns where the log ends.
    pub fn head(&self) -> Head {
        self.journal().head()
    }

    /// Returns these headers as they may stand in the log, where the level asks for them; those of
    /// these names are masked whatever they are called.
    pub fn headers(&self, headers: &HeaderMap, masked: &[HeaderName]) -> Vec<(String, String)> {
        match self.level {
            LogLevel::None | LogLevel::Decisions => Vec::new(),
            LogLevel::Headers => shown(headers, masked),
        }
    }

    /// Writes an event, where the level asks for it. An error means that it is not in the log.
    pub fn write(&self, event: &AuditEvent) -> io::Result<()> {
        if !self.wants(event) {
            return Ok(());
        }
        let time = format!("{:.3}", Timestamp::now());
        let line = serde_json::to_vec(&Line { time: &time, event })?;
        let members = line
            .strip_prefix(b"{")
            .and_then(|line| line.strip_suffix(b"}"))
            .ok_or_else(|| io::Error::other("an event is no object"))?;
        self.journal().append(members)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wants(&self, event: &AuditEvent) -> bool {
        match (self.level, event) {
            (LogLevel::None, AuditEvent::Decision(decision)) => decision.verdict == Outcome::Deny,
            (LogLevel::None, AuditEvent::Finished(_)) => false,
            (LogLevel::None | LogLevel::Decisions | LogLevel::Headers, _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use bottle_contract::audit::{AuditRecord, Decision};

    use super::*;

    fn decision(verdict: Outcome) -> AuditEvent {
        AuditEvent::Decision(Decision {
            id: 1,
            verdict,
            reason: None,
            detail: None,
            protocol: None,
            route: None,
            scheme: None,
            method: None,
            host: None,
            port: None,
            path: None,
            address: None,
            credential: false,
            headers: Vec::new(),
        })
    }

    fn lines(level: LogLevel) -> Vec<AuditRecord> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path, level).unwrap();
        log.write(&decision(Outcome::Allow)).unwrap();
        log.write(&decision(Outcome::Deny)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn without_a_level_only_denials_are_written() {
        assert_eq!(lines(LogLevel::Decisions).len(), 2);
        let records = lines(LogLevel::None);
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].event, decision(Outcome::Deny));
    }

    #[test]
    fn the_time_is_rfc_3339_with_milliseconds_in_utc() {
        let time = &lines(LogLevel::Decisions)[0].time;
        assert_eq!(time.len(), "2026-01-01T00:00:00.000Z".len(), "{time}");
        assert!(time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
        assert!(time.parse::<Timestamp>().is_ok(), "{time}");
    }

    #[test]
    fn a_new_log_is_readable_by_its_owner_only_and_an_old_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        for lines in 1..=2 {
            let log = AuditLog::open(&path, LogLevel::Decisions).unwrap();
            log.write(&decision(Outcome::Deny)).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), lines);
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let log = AuditLog::open(Path::new("/dev/full"), LogLevel::Decisions).unwrap();
        assert!(log.write(&decision(Outcome::Allow)).is_err());
    }
}
