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
use tokio::sync::Notify;
use tokio::time::sleep;

use super::headers::shown;
use super::journal::{Bounds, Journal};
use crate::limits;

/// An open audit log.
#[derive(Debug)]
pub struct AuditLog {
    /// Held for the length of a write, so that the lines' order is that of their numbers.
    journal: Mutex<Journal>,
    level: LogLevel,
    last_id: AtomicU64,
    /// Told when something begins to wait.
    held: Notify,
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
        let journal = Journal::open(path, Bounds::default())?;
        Ok(Self {
            // The numbers of an earlier start are taken; each stands on a line of its own.
            last_id: AtomicU64::new(journal.head().seq),
            journal: Mutex::new(journal),
            level,
            held: Notify::new(),
        })
    }

    /// Returns the number of the next request.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns where the log ends.
    pub fn head(&self) -> Head {
        let mut journal = self.journal();
        // Where that fails the end that is told is missed in the file, which is what happened.
        journal.write_held().ok();
        journal.head()
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
        self.journal().append(members(&line(event)?)?)
    }

    /// Writes an event with the next one, or a moment later. It is for what follows from a decision that
    /// is in the log already; nothing may leave because of it.
    pub fn write_later(&self, event: &AuditEvent) -> io::Result<()> {
        if !self.wants(event) {
            return Ok(());
        }
        let line = line(event)?;
        if self.journal().hold(members(&line)?)? {
            self.held.notify_one();
        }
        Ok(())
    }

    /// Writes what waits, a moment after it began to, for as long as this is polled.
    pub async fn keep_up(&self) {
        loop {
            self.held.notified().await;
            sleep(limits::AUDIT_DELAY).await;
            // What cannot be written is held on to, and the next decision meets the same log.
            self.flush().ok();
        }
    }

    /// Writes what waits.
    pub fn flush(&self) -> io::Result<()> {
        self.journal().write_held()
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

impl Drop for AuditLog {
    fn drop(&mut self) {
        // Nobody is left to tell when this fails.
        self.flush().ok();
    }
}

fn line(event: &AuditEvent) -> io::Result<Vec<u8>> {
    let time = format!("{:.3}", Timestamp::now());
    Ok(serde_json::to_vec(&Line { time: &time, event })?)
}

/// What stands between the braces of a line.
fn members(line: &[u8]) -> io::Result<&[u8]> {
    line.strip_prefix(b"{")
        .and_then(|line| line.strip_suffix(b"}"))
        .ok_or_else(|| io::Error::other("an event is no object"))
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
            swapped: Vec::new(),
            found: None,
            warnings: Vec::new(),
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

    #[tokio::test(start_paused = true)]
    async fn what_may_wait_is_written_with_the_next_decision_or_a_moment_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path, LogLevel::Decisions).unwrap();
        let numbers = || -> Vec<u64> {
            let text = std::fs::read_to_string(&path).unwrap();
            let record = |line| serde_json::from_str::<AuditRecord>(line).unwrap();
            text.lines().map(|line| record(line).seq).collect()
        };
        log.write_later(&decision(Outcome::Allow)).unwrap();
        assert!(numbers().is_empty());
        // A decision is there when `write` returns, and everything before it.
        log.write(&decision(Outcome::Deny)).unwrap();
        assert_eq!(numbers(), [1, 2]);
        log.write_later(&decision(Outcome::Allow)).unwrap();
        log.write_later(&decision(Outcome::Allow)).unwrap();
        let keeping = tokio::time::timeout(2 * limits::AUDIT_DELAY, log.keep_up());
        assert!(keeping.await.is_err());
        assert_eq!(numbers(), [1, 2, 3, 4]);
        // Whoever asks for the end, or ends the log, finds all of it.
        log.write_later(&decision(Outcome::Allow)).unwrap();
        assert_eq!(log.head().seq, 5);
        assert_eq!(numbers().len(), 5);
        log.write_later(&decision(Outcome::Allow)).unwrap();
        drop(log);
        assert_eq!(numbers(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_waits_is_not_lost_to_a_line_that_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(Path::new("/dev/full"), LogLevel::Decisions).unwrap();
        log.write_later(&decision(Outcome::Allow)).unwrap();
        assert!(log.write(&decision(Outcome::Allow)).is_err());
        assert!(log.flush().is_err());
        // The line that was refused has no number in the chain, and the one that waits has.
        assert_eq!(log.head().seq, 1);
        drop(log);
        let log = AuditLog::open(&dir.path().join("audit.jsonl"), LogLevel::Decisions).unwrap();
        log.write_later(&decision(Outcome::Allow)).unwrap();
        log.write(&decision(Outcome::Allow)).unwrap();
        assert_eq!(log.head().seq, 2);
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
