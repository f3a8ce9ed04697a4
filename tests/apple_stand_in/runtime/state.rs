//! What has no home on the engine: a folder of the stand-in's own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::runtime::failure::{Code, Failure};

/// The folder: `APPLE_STAND_IN_STATE`, or one for each user below the temporary folder.
#[derive(Clone, Debug)]
pub(crate) struct State {
    folder: PathBuf,
    own: bool,
}

/// A lock on the folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl State {
    /// Opens the folder and makes it if needed.
    pub(crate) fn open() -> Result<Self, Failure> {
        let set = std::env::var_os("APPLE_STAND_IN_STATE").filter(|value| !value.is_empty());
        let own = set.is_some();
        let folder = set.map_or_else(
            || {
                let user = rustix::process::getuid().as_raw();
                std::env::temp_dir().join(format!("apple-stand-in-{user}"))
            },
            PathBuf::from,
        );
        fs::create_dir_all(&folder).map_err(|error| broken(&folder, &error))?;
        let folder = fs::canonicalize(&folder).map_err(|error| broken(&folder, &error))?;
        Ok(Self { folder, own })
    }

    /// Takes the lock: of several invocations one at a time goes on.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| broken(&path, &error))?;
        Ok(Lock { _file: file })
    }

    /// Returns what tells this folder's resources from another's: 1 for the default folder.
    pub(crate) fn scope(&self) -> u32 {
        if !self.own {
            return 1;
        }
        let mut hash: u32 = 0x811c_9dc5;
        for byte in self.folder.as_os_str().as_encoded_bytes() {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        hash
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// Writes a file of the folder and returns its path.
    ///
    /// The file keeps its place: an engine may have mounted it.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        let write = || -> io::Result<()> {
            path.parent().map(fs::create_dir_all).transpose()?;
            let mut file = File::create(&path)?;
            io::Write::write_all(&mut file, content.as_bytes())
        };
        write().map_err(|error| broken(&path, &error))?;
        Ok(path)
    }

    /// Removes a file or a folder of the folder, if it is there.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.folder.join(name);
        // What cannot be removed is rewritten before it is used again.
        drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
    }
}

fn broken(path: &Path, error: &io::Error) -> Failure {
    let message = format!("the stand-in's state in `{}`: {error}", path.display());
    Failure::new(Code::InternalError, message)
}
