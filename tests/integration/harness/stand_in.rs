//! What stands in for a Mac where there is none: its facts, and its `container`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use apple_stand_in::argv::{Outcome, Service, Surroundings, parse_in};
use apple_stand_in::version::Version;

use super::client::Client;

/// Nobody is asked for names by the tests, so no resolver is stated.
const LINUX: &str = "linux x86_64";
/// The reserved address stands for a resolver that would be there.
const MAC: &str = "macos 26.1 arm64 memory=8589934592 resolver=192.0.2.53";

/// Returns the variables that state the machine.
pub(super) fn machine(client: Client) -> Vec<(OsString, OsString)> {
    let mut variables = vec![(
        "BOTTLE_HOST",
        match client {
            Client::Docker | Client::Nobody => LINUX.into(),
            Client::Apple => MAC.into(),
        },
    )];
    if client == Client::Apple {
        variables.push(("APPLE_STAND_IN_STATE", state().into()));
    }
    variables
        .into_iter()
        .map(|(name, value): (&str, OsString)| (name.into(), value))
        .collect()
}

/// Returns the folder of the stand-in's program, which is built first.
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let bottle = Path::new(env!("CARGO_BIN_EXE_bottle"));
        let profile = bottle.parent().unwrap();
        duct::cmd!(
            env!("CARGO"),
            "build",
            "--quiet",
            "--package=apple-stand-in",
            "--bin=container",
            "--target-dir",
            profile.parent().unwrap()
        )
        .dir(env!("CARGO_MANIFEST_DIR"))
        .run()
        .expect("the stand-in is built");
        // Alone in its folder, so that nothing else of the build is found by it.
        let folder = profile.join("stand-in");
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("container");
        // Also under a test that runs at the same time, the program is whole.
        let fresh = folder.join(format!("container.{}", std::process::id()));
        std::fs::copy(profile.join("container"), &fresh).unwrap();
        std::fs::rename(&fresh, &program).unwrap();
        folder
    })
}

/// What the stand-in remembers between its calls.
fn state() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apple-stand-in");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Checks that what `bottle` said to Apple's engine is understood by every version.
#[track_caller]
pub(super) fn check_words(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    for line in text.lines() {
        let words: Vec<String> = serde_json::from_str(line).unwrap();
        for version in [
            Version::V1_0_0,
            Version::V1_1_0,
            Version::V1_2_2,
            Version::V1_5_0,
        ] {
            let verdict = parse_in(version, &words, &AsItWas, Service::Up);
            let fits = match verdict {
                Outcome::Accepted(_) => true,
                Outcome::Help { .. } => words == ["--version"],
                Outcome::Refused { .. } => false,
            };
            assert!(fits, "{version:?}: {words:?}: {verdict:?}");
        }
    }
}

/// The folder of a build was there when it was built, and is gone by now.
#[derive(Debug)]
struct AsItWas;

impl Surroundings for AsItWas {
    fn exists(&self, _path: &str) -> bool {
        true
    }

    fn is_set(&self, _variable: &str) -> bool {
        true
    }
}
