//! The record of one bottle: what was begun, and how far it came.

use std::path::{Path, PathBuf};

use bottle_contract::audit::Head;
use bottle_contract::id::BottleId;
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::json;

/// The format of records that this version writes.
///
/// Readers skip unknown keys, and a key that is added later has a default, so that an older and a
/// newer bottle can share a folder. The number grows only when that cannot be kept.
pub const FORMAT: u32 = 1;

/// What bottle remembers about one bottle, as it lies in `record.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// See [`FORMAT`].
    pub format: u32,
    /// The bottle.
    pub id: BottleId,
    /// The agent's name.
    pub agent: String,
    /// The backend's name.
    pub backend: String,
    /// When it was begun, in UTC (RFC 3339).
    pub created: String,
    /// Whose it is: see [`owner`](super::owner).
    pub owner: String,
    /// The version of bottle that began it.
    pub version: String,
    /// The digest of the resolved manifest, in hex.
    pub manifest: String,
    /// The agent file; `None` when it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// How far it came.
    pub phase: Phase,
    /// The launcher's process id: for people; the lock tells whether it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The agent's exit status, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Why this stays after the bottle's end, when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// What its manifest accepts, for whoever judges the wall later. A bottle of a version that did
    /// not write it accepts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<Accepts>,
    /// Where the audit log ended when the bottle did, where it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<Head>,
    /// What it was told to be, and what came of that.
    #[serde(flatten)]
    pub course: Course,
}

/// What a bottle was told to be, and what came of that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Course {
    /// The agent's program, without its folder, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// How many seconds the agent's command may take, where that has a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// When that time is over, in UTC (RFC 3339), once the command runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Why it ended, where the status does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
}

/// Why a bottle ended, where a status alone does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// The time that `--timeout` gave was over.
    Timeout,
    /// Written by a newer version of bottle.
    #[serde(other)]
    Unknown,
}

/// How far a bottle came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its resources are being made.
    Creating,
    /// It was stopped, and is being started again: what it holds must not go.
    Restarting,
    /// The agent runs, and the launcher waits for it.
    Running,
    /// It was left running on purpose.
    Detached,
    /// The agent ended.
    Ended,
    /// Bottle itself failed.
    Failed,
    /// Written by a newer version of bottle.
    #[serde(other)]
    Unknown,
}

/// Why the state of a bottle stays after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The user asked for it.
    Asked,
    /// Something failed, and the logs tell what.
    Failed,
    /// The agent changed its copy of the workspace, and nobody has taken that yet.
    Changes,
    /// Written by a newer version of bottle.
    #[serde(other)]
    Unknown,
}

/// What a manifest accepts of the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepts {
    /// That the host's own services answer: `host-access = "warn"`.
    HostServices,
    /// Written by a newer version of bottle.
    #[serde(other)]
    Unknown,
}

impl Record {
    /// Reads a record. `None` means that there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, StateError> {
        json::load(path)
    }

    /// Writes the record in one step.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        json::save(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic::write_atomic;
    use super::*;

    const FULL: &str = r#"{
        "format": 1, "id": "a-bcdefg", "agent": "a", "backend": "docker",
        "created": "2026-01-01T00:00:00Z", "owner": "1000.abc", "version": "0.1.0",
        "manifest": "00ff", "source": "/a/agent.toml", "phase": "ended", "pid": 7,
        "exit": 37, "keep": "asked"
    }"#;

    fn read(json: &str) -> Result<Option<Record>, StateError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        write_atomic(&path, json.as_bytes()).unwrap();
        Record::load(&path)
    }

    #[test]
    fn a_record_reads_back() {
        let record = read(FULL).unwrap().unwrap();
        assert_eq!((record.exit, record.keep), (Some(37), Some(Keep::Asked)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        assert_eq!(Record::load(&path).unwrap(), None);
        record.save(&path).unwrap();
        assert_eq!(Record::load(&path).unwrap(), Some(record));
    }

    #[test]
    fn a_newer_record_is_read_as_far_as_it_is_understood() {
        let newer = FULL
            .replace("\"pid\": 7", "\"colour\": {\"red\": 1}")
            .replace("\"ended\"", "\"paused\"")
            .replace("\"asked\"", "\"debugging\"");
        let record = read(&newer).unwrap().unwrap();
        assert_eq!(record.pid, None);
        assert_eq!(
            (record.phase, record.keep),
            (Phase::Unknown, Some(Keep::Unknown))
        );
    }

    #[test]
    fn a_damaged_record_says_where() {
        for bad in ["", "{", &FULL.replace("a-bcdefg", "../x")] {
            let error = read(bad).unwrap_err();
            assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
        }
    }
}
