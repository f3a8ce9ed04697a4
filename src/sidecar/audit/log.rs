//! The log itself: a file that is only ever appended to, one write a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bottle_contract::audit::{AuditEvent, AuditRecord, Outcome};
use bottle_contract::config::LogLevel;
use jiff::Timestamp;

use crate::limits::AUDIT_BYTES;

/// An open audit log.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    level: LogLevel,
    last_id: AtomicU64,
    bytes: AtomicU64,
    most: u64,
}

impl AuditLog {
    /// Opens the log, readable by its owner only, and keeps what is in it.
    pub fn open(path: &Path, level: LogLevel) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            bytes: AtomicU64::new(file.metadata()?.len()),
            most: AUDIT_BYTES,
            file,
            level,
            last_id: AtomicU64::new(0),
        })
    }

    /// Returns the number of the next request.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes an event, where the level asks for it. An error means that it is not in the log.
    pub fn write(&self, event: AuditEvent) -> io::Result<()> {
        if !self.wants(&event) {
            return Ok(());
        }
        let record = AuditRecord {
            time: format!("{:.3}", Timestamp::now()),
            event,
        };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self
            .bytes
            .fetch_add(length, Ordering::Relaxed)
            .saturating_add(length)
            > self.most
        {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the audit log is as large as it may be",
            ));
        }
        // One call, so that lines of requests that end at the same time cannot mix.
        let written = (&self.file).write(&line)?;
        if written == line.len() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "the line was written in part only",
            ))
        }
    }

    fn wants(&self, event: &AuditEvent) -> bool {
        match (self.level, event) {
            (LogLevel::None, AuditEvent::Decision(decision)) => decision.verdict == Outcome::Deny,
            (LogLevel::None, AuditEvent::Finished(_)) => false,
            (LogLevel::None | LogLevel::Decisions, _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use bottle_contract::audit::Decision;

    use super::*;

    fn decision(verdict: Outcome) -> AuditEvent {
        AuditEvent::Decision(Decision {
            id: 1,
            verdict,
            reason: None,
            detail: None,
            route: None,
            scheme: None,
            method: None,
            host: None,
            port: None,
            path: None,
            address: None,
            credential: false,
        })
    }

    fn lines(level: LogLevel) -> Vec<AuditRecord> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path, level).unwrap();
        log.write(decision(Outcome::Allow)).unwrap();
        log.write(decision(Outcome::Deny)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_log_that_is_full_takes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let mut log = AuditLog::open(&path, LogLevel::Decisions).unwrap();
        log.write(decision(Outcome::Deny)).unwrap();
        let one = std::fs::metadata(&path).unwrap().len();
        log.most = one * 2;
        log.write(decision(Outcome::Deny)).unwrap();
        assert!(log.write(decision(Outcome::Deny)).is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), one * 2);
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
            log.write(decision(Outcome::Deny)).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), lines);
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let log = AuditLog::open(Path::new("/dev/full"), LogLevel::Decisions).unwrap();
        assert!(log.write(decision(Outcome::Allow)).is_err());
    }
}
