//! What the command line changed in a bottle's manifest: with it the bottle can be started again.
//!
//! It lies beside the record and not in it, since a variable that was set on the command line may be
//! nobody's business, and records are shown.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::json;

/// What the command line changed, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Begun {
    /// The name that was given in the place of the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The image that was given in the place of the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether the manifest's image was to be ignored where the backend has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_image: bool,
    /// The variables that were given, as `NAME` or `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The command that was given in the place of the manifest's; empty where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// The command that runs: the image may have named it.
    pub command: Vec<String>,
}

impl Begun {
    /// Reads it. `None` means that there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, StateError> {
        json::load(path)
    }

    /// Writes it in one step, for the user alone.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        json::save(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic::write_atomic;
    use super::*;

    #[test]
    fn it_reads_back_and_damage_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("begun.json");
        assert_eq!(Begun::load(&path).unwrap(), None);
        let begun = Begun {
            env: vec!["A=b".to_owned()],
            command: vec!["sh".to_owned()],
            ..Begun::default()
        };
        begun.save(&path).unwrap();
        assert_eq!(Begun::load(&path).unwrap(), Some(begun));
        write_atomic(&path, b"{").unwrap();
        let error = Begun::load(&path).unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
    }
}
