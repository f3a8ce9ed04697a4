//! Where the state of bottles lies: one folder each, readable by the user alone.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bottle_contract::id::BottleId;

use super::error::StateError;
use super::lock::{Lock, is_held};
use super::reconcile::RecordView;
use super::record::Record;

/// The folder that holds the state of every bottle of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    base: PathBuf,
}

/// The folder of one bottle. It may not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BottleDir {
    path: PathBuf,
}

/// All that the state folder holds.
#[derive(Debug, Default)]
pub struct Stored {
    /// One entry for each bottle.
    pub records: Vec<RecordView>,
    /// The bottles whose lock a living process holds.
    pub locks: BTreeSet<BottleId>,
    /// The records that could not be read, and why: to be shown as warnings.
    pub damaged: Vec<StateError>,
}

impl StateDir {
    /// Names the folder, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.base
    }

    /// Names the folder of a bottle.
    pub fn bottle(&self, id: &BottleId) -> BottleDir {
        BottleDir {
            path: self.base.join(id.as_str()),
        }
    }

    /// Makes the folder of a new bottle and takes its lock.
    pub fn create(&self, id: &BottleId) -> Result<(BottleDir, Lock), StateError> {
        let dir = self.bottle(id);
        make_dirs(&self.base)?;
        make_dir(&dir.path)?;
        let locked = make_dir(&dir.audit_dir()).and_then(|()| Lock::acquire(&dir.lock()));
        match locked {
            Ok(lock) => Ok((dir, lock)),
            Err(error) => {
                // Without a lock nobody would ever take it for a bottle's. Nothing is in it yet.
                dir.remove().ok();
                Err(error)
            }
        }
    }

    /// Reads the records and looks at the locks of all bottles.
    ///
    /// A folder without lock and record is one that is just being made, and is left out.
    pub fn read(&self) -> Result<Stored, StateError> {
        let mut stored = Stored::default();
        for id in self.ids()? {
            let dir = self.bottle(&id);
            if !dir.lock().exists() && !dir.record().exists() {
                continue;
            }
            // The lock first: a launcher that ends in between is then taken for alive, which harms nobody.
            if is_held(&dir.lock())? {
                stored.locks.insert(id.clone());
            }
            let record = Record::load(&dir.record()).unwrap_or_else(|error| {
                stored.damaged.push(error);
                None
            });
            stored.records.push(RecordView { id, record });
        }
        Ok(stored)
    }

    fn ids(&self) -> Result<BTreeSet<BottleId>, StateError> {
        let failed = StateError::io("read", &self.base);
        let entries = match fs::read_dir(&self.base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(failed(error)),
        };
        let names: io::Result<Vec<_>> = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect();
        let names = names.map_err(failed)?;
        Ok(names
            .iter()
            .filter_map(|name| name.to_str().and_then(|name| name.parse().ok()))
            .collect())
    }
}

impl BottleDir {
    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the record's path.
    pub fn record(&self) -> PathBuf {
        self.path.join("record.json")
    }

    /// Returns the path of what the command line changed in the manifest.
    pub fn begun(&self) -> PathBuf {
        self.path.join("begun.json")
    }

    /// Returns the path of how far the denials were counted.
    pub fn denials(&self) -> PathBuf {
        self.path.join("denials.json")
    }

    /// Returns the lock's path.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Returns the folder of the audit log: a folder of its own, since the sidecar sees it.
    pub fn audit_dir(&self) -> PathBuf {
        self.path.join("audit")
    }

    /// Returns the audit log's path.
    pub fn audit(&self) -> PathBuf {
        self.audit_dir().join("audit.jsonl")
    }

    /// Returns the path of what the sidecar wrote to its streams.
    pub fn sidecar_log(&self) -> PathBuf {
        self.path.join("sidecar.log")
    }

    /// Returns the path of what the agent wrote, where that was kept.
    pub fn agent_log(&self) -> PathBuf {
        self.path.join("agent.log")
    }

    /// Returns the path of what the agent began with in its work folder, where it got a copy.
    pub fn base(&self) -> PathBuf {
        self.path.join("base.jsonl")
    }

    /// Returns the folder of what the agent changed, where that was saved.
    pub fn changes(&self) -> PathBuf {
        self.path.join("changes")
    }

    /// Removes the folder; the record goes after the logs, so that a crash in between leaves a
    /// bottle that can be found again. Succeeds when nothing is there.
    pub fn remove(&self) -> Result<(), StateError> {
        let last = [self.record(), self.lock()];
        let failed = StateError::io("remove", &self.path);
        match remove_all(&self.path, &last) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn remove_all(folder: &Path, last: &[PathBuf]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if last.contains(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    for path in last {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::remove_dir(folder)
}

fn make_dirs(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StateError::io("create", path))
}

fn make_dir(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(StateError::io("create", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::state::write_atomic;

    fn id(text: &str) -> BottleId {
        text.parse().unwrap()
    }

    #[test]
    fn folders_are_for_the_user_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let state = StateDir::new(temporary.path().join("deep/state"));
        assert!(state.read().unwrap().records.is_empty());
        let (dir, _lock) = state.create(&id("a-bcdefg")).unwrap();
        for path in [state.path(), dir.path(), &dir.audit_dir()] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", path.display());
        }
        let again = state.create(&id("a-bcdefg")).unwrap_err();
        assert!(again.to_string().starts_with("could not create"), "{again}");
    }

    #[test]
    fn what_lies_there_is_read_and_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let state = StateDir::new(temporary.path());
        let (alive, lock) = state.create(&id("a-bcdefg")).unwrap();
        let (dead, dropped) = state.create(&id("b-bcdefg")).unwrap();
        drop(dropped);
        write_atomic(&dead.record(), b"{").unwrap();
        write_atomic(&dead.audit(), b"{}\n").unwrap();
        fs::create_dir(temporary.path().join("c-bcdefg")).unwrap();
        fs::create_dir(temporary.path().join("not an id")).unwrap();

        let stored = state.read().unwrap();
        let ids: Vec<&str> = stored.records.iter().map(|view| view.id.as_str()).collect();
        assert_eq!(ids, ["a-bcdefg", "b-bcdefg"]);
        assert_eq!(stored.locks, BTreeSet::from([id("a-bcdefg")]));
        assert_eq!(stored.damaged.len(), 1);

        dead.remove().unwrap();
        dead.remove().unwrap();
        assert!(!dead.path().exists());
        assert!(alive.path().exists());
        drop(lock);
    }
}
