//! The user's own settings: `config.toml` in the configuration folder.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What a user can set once for all bottles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The backend that is taken when none is named.
    #[serde(default)]
    pub default_backend: Option<String>,
}

impl Settings {
    /// Reads the settings; none at all is fine.
    pub fn load(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read `{}`", path.display()));
            }
        };
        toml::from_str(&text).with_context(|| format!("could not read `{}`", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::write_atomic;

    fn load(text: &str) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write_atomic(&path, text.as_bytes()).unwrap();
        Settings::load(&path)
    }

    #[test]
    fn settings_are_strict_and_may_be_absent() {
        assert_eq!(
            load("default-backend = \"podman\"")
                .unwrap()
                .default_backend
                .as_deref(),
            Some("podman")
        );
        assert_eq!(
            Settings::load(Path::new("/nonexistent/config.toml")).unwrap(),
            Settings::default()
        );
        let error = format!("{:#}", load("default-backnd = \"podman\"").unwrap_err());
        assert!(
            error.contains("line 1") && error.contains("default-backend"),
            "{error}"
        );
    }
}
