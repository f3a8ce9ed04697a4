//! The folder of one bottle: what was made, and what its processes print. It stands for the labels of
//! an engine: it is written before the first process is started, and removed after the last one has ended.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bottle_contract::id::{BottleId, Role};
use bottle_contract::labels::Labels;
use bottle_contract::native::{AGENT_LOG, EXIT, Ids, Process, SIDECAR_LOG};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The file that tells what was made.
const RECORD: &str = "bottle.json";

/// The folder of one bottle.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// What was made, as it lies in the folder. Readers skip keys that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Made {
    /// The bottle.
    pub(super) id: BottleId,
    /// Whose it is.
    pub(super) owner: String,
    /// The version of bottle that made it.
    pub(super) version: String,
    /// The digest of the resolved manifest.
    pub(super) manifest: String,
    /// When it was begun, in UTC.
    pub(super) created: String,
    /// The static binary.
    pub(super) binary: PathBuf,
    /// The agent's user.
    pub(super) user: Ids,
    /// The control groups of the agent's processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<PathBuf>,
    /// Its processes, once they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) processes: Option<Processes>,
}

/// The processes of a bottle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Processes {
    /// The one that all others end with.
    pub(super) keeper: Process,
    /// The agent's first one.
    pub(super) agent: Process,
    /// The sidecar.
    pub(super) sidecar: Process,
    /// The one that the sidecar ends with.
    pub(super) guard: Process,
}

impl Made {
    /// Notes what is about to be made.
    pub(super) fn new(labels: &Labels, binary: &Path, user: Ids, groups: Vec<PathBuf>) -> Self {
        let now = jiff::Timestamp::now();
        Self {
            id: labels.id.clone(),
            owner: labels.owner.clone(),
            version: labels.version.clone(),
            manifest: labels.manifest.clone(),
            created: now.round(jiff::Unit::Second).unwrap_or(now).to_string(),
            binary: binary.to_owned(),
            user,
            groups,
            processes: None,
        }
    }
}

impl Folder {
    /// Returns the folder of a bottle, which may not be there.
    pub(super) fn new(all: &Path, id: &BottleId) -> Self {
        Self {
            path: all.join(id.as_str()),
        }
    }

    /// Lists the folders that there are.
    pub(super) fn list(all: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(all) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.parse::<BottleId>().is_ok()) {
                found.push(Self { path });
            }
        }
        Ok(found)
    }

    /// Makes the folder, for this user alone.
    pub(super) fn create(&self) -> anyhow::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .with_context(|| format!("could not make `{}`", self.path.display()))
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file that a role's output goes to.
    pub(super) fn log(&self, role: Role) -> PathBuf {
        self.path.join(match role {
            Role::Sidecar => SIDECAR_LOG,
            Role::Agent | Role::Internal | Role::Egress | Role::Image => AGENT_LOG,
        })
    }

    /// Returns the status that a detached agent ended with.
    pub(super) fn exit(&self) -> Option<i32> {
        let text = fs::read_to_string(self.path.join(EXIT)).ok()?;
        text.trim().parse().ok()
    }

    /// Reads what was made; `None` where there is no such bottle.
    pub(super) fn read(&self) -> anyhow::Result<Option<Made>> {
        let path = self.path.join(RECORD);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read `{}`", path.display()));
            }
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("`{}` is damaged", path.display()))
    }

    /// Writes what was made, in one step.
    pub(super) fn write(&self, made: &Made) -> anyhow::Result<()> {
        let path = self.path.join(RECORD);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.path)?;
            file.write_all(&serde_json::to_vec(made)?)?;
            file.persist(&path)?;
            anyhow::Ok(())
        };
        write().with_context(|| format!("could not write `{}`", path.display()))
    }

    /// Removes the folder. Succeeds when it is not there.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not remove `{}`", self.path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Tells whether a process is still there.
pub(super) fn is_alive(process: Process) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
    Process::from_stat(process.pid, &stat) == Some(process) && !Process::has_ended(&stat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_back_and_removed() {
        let all = tempfile::tempdir().unwrap();
        let all = all.path().join("native");
        let id: BottleId = "demo-abcdef".parse().unwrap();
        assert!(Folder::list(&all).unwrap().is_empty());
        let folder = Folder::new(&all, &id);
        assert_eq!(folder.read().unwrap(), None);
        folder.create().unwrap();
        let labels = Labels {
            id,
            version: "1".to_owned(),
            owner: "0.x".to_owned(),
            manifest: "00".to_owned(),
        };
        let user = Ids {
            uid: 1,
            gid: 2,
            host_uid: 3,
            host_gid: 4,
        };
        let made = Made::new(&labels, Path::new("/b"), user, vec!["/g".into()]);
        folder.write(&made).unwrap();
        assert_eq!(folder.read().unwrap(), Some(made));
        fs::create_dir(all.join("no id")).unwrap();
        assert_eq!(Folder::list(&all).unwrap().len(), 1);
        folder.remove().unwrap();
        folder.remove().unwrap();
        assert!(!folder.path().exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_known_by_its_start_too() {
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let own = Process::from_stat(pid, &stat).unwrap();
        assert!(is_alive(own));
        assert!(!is_alive(Process {
            started: own.started + 1,
            ..own
        }));
    }
}
