//! The snapshots that a user has taken: one file each, beside the bottles' folders.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use bottle_contract::id::{BottleId, Name};
use serde::{Deserialize, Serialize};

use super::dirs::StateDir;
use super::error::StateError;
use super::json;

/// A snapshot, as it lies in `snapshots/<name>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotRecord {
    /// Its name.
    pub name: Name,
    /// The backend that holds its image.
    pub backend: String,
    /// Its image.
    pub image: String,
    /// The bottle that it was taken of.
    pub bottle: BottleId,
    /// When, in UTC (RFC 3339).
    pub created: String,
}

impl StateDir {
    /// Lists the snapshots, by name. A file that cannot be read is an error that names it.
    pub fn snapshots(&self) -> Result<Vec<SnapshotRecord>, StateError> {
        let folder = self.snapshot_folder();
        let failed = StateError::io("read", &folder);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            // One that was removed meanwhile is none.
            found.extend(json::load::<SnapshotRecord>(&path)?);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Writes one down.
    pub fn save_snapshot(&self, record: &SnapshotRecord) -> Result<(), StateError> {
        let folder = self.snapshot_folder();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(StateError::io("create", &folder))?;
        json::save(&self.snapshot_file(&record.name), record)
    }

    /// Forgets one. Succeeds when it is not there.
    pub fn remove_snapshot(&self, name: &Name) -> Result<(), StateError> {
        let path = self.snapshot_file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::io("remove", &path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// No bottle's id: those have a suffix.
    fn snapshot_folder(&self) -> PathBuf {
        self.path().join("snapshots")
    }

    fn snapshot_file(&self, name: &Name) -> PathBuf {
        self.snapshot_folder().join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic::write_atomic;
    use super::*;

    fn record(name: &str) -> SnapshotRecord {
        SnapshotRecord {
            name: name.parse().unwrap(),
            backend: "docker".to_owned(),
            image: format!("localhost/bottle/snapshot:{name}"),
            bottle: "demo-abcdef".parse().unwrap(),
            created: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn snapshots_are_listed_by_name_and_are_no_bottles() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        assert_eq!(state.snapshots().unwrap(), []);
        for name in ["two", "one"] {
            state.save_snapshot(&record(name)).unwrap();
        }
        assert_eq!(state.snapshots().unwrap(), [record("one"), record("two")]);
        assert!(state.read().unwrap().records.is_empty());
        state.remove_snapshot(&record("one").name).unwrap();
        state.remove_snapshot(&record("one").name).unwrap();
        assert_eq!(state.snapshots().unwrap(), [record("two")]);
        let damaged = folder.path().join("snapshots/bad.json");
        write_atomic(&damaged, b"{").unwrap();
        let error = state.snapshots().unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
    }
}
