//! A lock that is held for as long as a launcher lives, however it dies.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::error::StateError;

/// How long to try for a lock: whoever only looks at it holds it for an instant.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// A held lock. The system frees it when the value is dropped or the process ends; programs that
/// are started meanwhile do not inherit it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at this path, and makes the file where there is none.
    ///
    /// A new file is locked before it has its name, so nobody ever sees it free.
    pub fn acquire(path: &Path) -> Result<Self, StateError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(file) = attempt(path).map_err(StateError::io("lock", path))? {
                return Ok(Self { _file: file });
            }
            if Instant::now() >= deadline {
                return Err(StateError::Held {
                    path: path.to_owned(),
                });
            }
            thread::park_timeout(PAUSE);
        }
    }
}

/// Tells whether a living process holds the lock at this path.
pub fn is_held(path: &Path) -> Result<bool, StateError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StateError::io("read", path)(error)),
    };
    // Shared, so that two who look do not take each other for a launcher.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StateError::io("lock", path)(error)),
    }
}

/// Tries once. `None` means that it is held, or was removed meanwhile.
fn attempt(path: &Path) -> io::Result<Option<File>> {
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return create(path),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, path)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn create(path: &Path) -> io::Result<Option<File>> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let temporary = NamedTempFile::new_in(folder)?;
    temporary.as_file().lock()?;
    match temporary.persist_noclobber(path) {
        Ok(file) => Ok(Some(file)),
        // Somebody else was quicker.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error.error),
    }
}

/// Tells whether the file is still the one with this name: a cleaner may have removed it in between.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(named) => Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::process::{Invocation, follow};

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path).unwrap());
        for _ in 0..2 {
            let lock = Lock::acquire(&path).unwrap();
            assert!(is_held(&path).unwrap());
            let error = Lock::acquire(&path).unwrap_err();
            assert!(matches!(error, StateError::Held { .. }), "{error:?}");
            drop(lock);
            assert!(!is_held(&path).unwrap());
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_program_that_is_started_does_not_inherit_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::acquire(&path).unwrap();
        let child = follow(&Invocation::new("/bin/sh", ["-c", "sleep 20"])).unwrap();
        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "it must live while we look"
        );
        child.kill().unwrap();
        child.wait_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn whoever_looks_does_not_keep_a_launcher_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(Lock::acquire(&path).unwrap());
        thread::scope(|scope| {
            let looking = scope.spawn(|| (0..2000).all(|_| is_held(&path).is_ok()));
            for _ in 0..50 {
                drop(Lock::acquire(&path).unwrap());
            }
            assert!(looking.join().unwrap());
        });
    }
}
