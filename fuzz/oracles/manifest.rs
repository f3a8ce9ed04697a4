//! Manifests: any file is read or refused with words, and what is read can be worked with.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Write as _;

use bottle::manifest::{Folders, Overrides, grants, lint, load_agent};
use tempfile::TempDir;

use crate::Outcome;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Reads an agent file.
pub(crate) fn check(input: &[u8]) -> Outcome {
    FOLDER.with(|cell| {
        let folder = cell.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("agent.toml");
        let mut out = File::create(&file).expect("a file");
        out.write_all(input).expect("the file can be written");
        let folders = Folders {
            bottles: folder.path().join("bottles"),
        };
        let loaded = match load_agent(&file, &folders) {
            Ok(loaded) => loaded,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(error.excerpt().is_none_or(|excerpt| !excerpt.is_empty()));
                return Outcome::Refused;
            }
        };
        for warning in lint(&loaded) {
            assert!(!format!("{warning:?}").is_empty());
        }
        assert!(grants(&loaded).len() <= input.len());
        match loaded.resolve(&Overrides::default()) {
            Ok(resolved) => {
                // What the floors above build on.
                let policy = resolved.policy();
                assert!(policy.routes.iter().all(|route| !route.ports.is_empty()));
                assert!(resolved.needs().len() <= input.len());
                Outcome::Accepted
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                Outcome::Refused
            }
        }
    })
}
