//! The record of what the user has trusted: one digest for each agent file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text_file::{self, Unreadable};
use super::trust::Standing;

/// The version of the file's format.
const VERSION: u32 = 1;

/// The record of what the user has trusted.
///
/// Only the newest digest of a file counts: whoever can write the file could
/// otherwise put back an older, broader content that was trusted once.
#[derive(Clone, Debug)]
pub struct TrustStore {
    path: PathBuf,
    agents: BTreeMap<String, String>,
}

/// Why the record cannot be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// It cannot be read.
    #[error("the record of trusted files `{}` {reason}", path.display())]
    Read {
        /// The record.
        path: PathBuf,
        /// Why, as the end of a sentence.
        reason: String,
    },
    /// It is not one, or not of a version that is known.
    #[error("`{}` is not a record of trusted files ({reason}); move it away and trust again", path.display())]
    Format {
        /// The record.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It cannot be written.
    #[error("the record of trusted files `{}` cannot be written", path.display())]
    Write {
        /// The record.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    agents: BTreeMap<String, String>,
}

impl TrustStore {
    /// Reads the record; one that does not exist is empty.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        let path = path.to_path_buf();
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(Unreadable::Missing) => {
                return Ok(Self {
                    path,
                    agents: BTreeMap::new(),
                });
            }
            Err(Unreadable::Because(reason)) => return Err(TrustError::Read { path, reason }),
        };
        let stored: Stored = match serde_json::from_str(&text) {
            Ok(stored) => stored,
            Err(error) => {
                let reason = error.to_string();
                return Err(TrustError::Format { path, reason });
            }
        };
        if stored.version != VERSION {
            let reason = format!("its version is {}, not {VERSION}", stored.version);
            return Err(TrustError::Format { path, reason });
        }
        Ok(Self {
            path,
            agents: stored.agents,
        })
    }

    /// Tells what is on record about an agent file with this digest: `Loaded`'s `path` and `trust_digest`.
    pub fn standing(&self, agent: &Path, digest: &str) -> Standing {
        match self.agents.get(&key(agent)) {
            Some(known) if known == digest => Standing::Trusted,
            Some(_) => Standing::Changed,
            None => Standing::Unknown,
        }
    }

    /// Records that the user trusts this content of the file, and no other.
    pub fn record(&mut self, agent: &Path, digest: &str) -> Result<(), TrustError> {
        // Another process may have recorded something since; a lost entry would only be asked for again.
        self.agents = Self::open(&self.path)?.agents;
        self.agents.insert(key(agent), digest.to_owned());
        self.write().map_err(|source| TrustError::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes the whole record beside the old one and puts it in its place: a reader sees one or the other.
    fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let stored = Stored {
            version: VERSION,
            agents: self.agents.clone(),
        };
        // Made with mode 0600 by `tempfile`.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &stored)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Bytes that are not UTF-8 are escaped, so that two files never share one entry.
fn key(agent: &Path) -> String {
    match agent.to_str() {
        Some(text) => text.to_owned(),
        None => agent
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_recorded_is_trusted_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/trusted.json");
        let agent = Path::new("/repo/agent.toml");
        let mut store = TrustStore::open(&path).unwrap();
        assert_eq!(store.standing(agent, "aa"), Standing::Unknown);
        store.record(agent, "aa").unwrap();

        let mut store = TrustStore::open(&path).unwrap();
        assert_eq!(store.standing(agent, "aa"), Standing::Trusted);
        assert_eq!(store.standing(agent, "bb"), Standing::Changed);
        let other = Path::new("/other/agent.toml");
        assert_eq!(store.standing(other, "aa"), Standing::Unknown);

        store.record(agent, "bb").unwrap();
        assert_eq!(store.standing(agent, "aa"), Standing::Changed);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_second_writer_does_not_undo_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trusted.json");
        let mut one = TrustStore::open(&path).unwrap();
        let mut other = TrustStore::open(&path).unwrap();
        one.record(Path::new("/a"), "aa").unwrap();
        other.record(Path::new("/b"), "bb").unwrap();
        let store = TrustStore::open(&path).unwrap();
        assert_eq!(store.standing(Path::new("/a"), "aa"), Standing::Trusted);
        assert_eq!(store.standing(Path::new("/b"), "bb"), Standing::Trusted);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trusted.json");
        for (text, fault) in [
            ("", "EOF"),
            (r#"{"version":2,"agents":{}}"#, "version is 2"),
            (r#"{"version":1,"agents":{},"x":1}"#, "unknown field"),
        ] {
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let error = TrustStore::open(&path).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(br#"{"version":1,"agents":{"/a":"aa"}}"#)
            .unwrap();
        let store = TrustStore::open(&path).unwrap();
        assert_eq!(store.standing(Path::new("/a"), "aa"), Standing::Trusted);
    }
}
