//! JSON files of the state: read whole or not there, and written in one step.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic::write_atomic;
use super::error::StateError;

/// Reads a file. `None` means that there is none.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| StateError::Damaged {
                    path: path.to_owned(),
                    source,
                })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

/// Writes a file, for the user alone.
pub(super) fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StateError> {
    let mut json = serde_json::to_vec_pretty(value)
        .map_err(io::Error::other)
        .map_err(StateError::io("write", path))?;
    json.push(b'\n');
    write_atomic(path, &json)
}
