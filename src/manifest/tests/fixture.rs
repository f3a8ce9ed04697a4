//! A folder with an agent file and bottles, for one test.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use crate::manifest::{Folders, Loaded, ManifestError, Overrides, Resolved, load_agent};

/// A folder with an agent file (`repo/agent.toml`) and the user's bottles (`bottles/`).
pub(super) struct Fixture {
    root: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new(agent: &str) -> Self {
        let fixture = Self {
            root: tempfile::tempdir().unwrap(),
        };
        fixture.file("repo/agent.toml", agent)
    }

    pub(super) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(path).unwrap();
        file.write_all(text.as_ref()).unwrap();
        self
    }

    pub(super) fn bottle(self, name: &str, text: &str) -> Self {
        self.file(&format!("bottles/{name}.toml"), text)
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(path)
    }

    pub(super) fn load(&self) -> Result<Loaded, ManifestError> {
        let folders = Folders {
            bottles: self.path("bottles"),
        };
        load_agent(&self.path("repo/agent.toml"), &folders)
    }

    pub(super) fn resolve(&self) -> Resolved {
        self.load().unwrap().resolve(&Overrides::default()).unwrap()
    }

    /// The error on one line, with the fixture's own folder left out.
    pub(super) fn error(&self) -> String {
        let error = self.load().and_then(|loaded| {
            let resolved = loaded.resolve(&Overrides::default())?;
            Ok(format!("no error: {resolved:?}"))
        });
        let error = error.unwrap_err().to_string();
        self.plain(&error)
    }

    pub(super) fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.path("repo").display()), "")
            .replace(&format!("{}/", self.path("").display()), "")
            .replace(&self.path("").display().to_string(), "")
    }
}

/// The error of an agent file that stands alone.
pub(super) fn error_of(agent: &str) -> String {
    Fixture::new(agent).error()
}

/// The resolved form of an agent file that stands alone.
pub(super) fn resolved(agent: &str) -> Resolved {
    Fixture::new(agent).resolve()
}
