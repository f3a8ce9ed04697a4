//! Reads text files that somebody else may have written: bounded, regular files only.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::error::ManifestError;

/// The largest file, in bytes: far above any manifest, prompt or list of certificates.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// There is none.
    Missing,
    /// Anything else, as the end of a sentence that starts with the file.
    Because(String),
}

/// Reads a whole file as text.
pub(super) fn read(path: &Path) -> Result<String, Unreadable> {
    // Asked before opening: to open a pipe would wait for somebody who writes to it.
    let metadata = fs::metadata(path).map_err(|error| Unreadable::of(&error))?;
    if !metadata.is_file() {
        return Err(Unreadable::Because("is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| Unreadable::of(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Unreadable::of(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unreadable::Because("is larger than 1 MiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to())
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Unreadable::Because(format!("is not UTF-8 text (line {line})"))
    })
}

impl Unreadable {
    fn of(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Missing
        } else {
            Self::Because(format!("cannot be read: {error}"))
        }
    }

    /// Says it as the end of a sentence that starts with the file.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Missing => "does not exist",
            Self::Because(reason) => reason,
        }
    }

    /// Makes it an error about the file.
    pub(super) fn about(&self, path: &Path) -> ManifestError {
        ManifestError::about(path, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        io::Write::write_all(&mut File::create(&path).unwrap(), bytes).unwrap();
        let got = read(&path).map_err(|error| error.reason().to_owned());
        assert_eq!(
            got.as_deref().map_err(String::as_str),
            expected,
            "{} bytes",
            bytes.len()
        );
    }

    #[test]
    fn texts_are_read_and_the_rest_is_refused() {
        check("ü\n".as_bytes(), Ok("ü\n"));
        check(b"a\nb\n\xff", Err("is not UTF-8 text (line 3)"));
        let full = "x".repeat(1 << 20);
        check(full.as_bytes(), Ok(&full));
        check(format!("{full}x").as_bytes(), Err("is larger than 1 MiB"));
    }

    #[test]
    fn a_folder_and_nothing_at_all_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let got = read(folder.path()).unwrap_err();
        assert_eq!(got.reason(), "is not a regular file");
        let got = read(&folder.path().join("x")).unwrap_err();
        assert!(matches!(got, Unreadable::Missing));
    }
}
