//! A Mac to test on: a state folder of its own, which owns what is made through it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use duct::Expression;
use serde_json::Value;

/// Images to run, the first that is there.
const IMAGES: [&str; 3] = [
    "debian:bookworm-slim",
    "bottle-test-base",
    "localhost/bottle-test-base",
];

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Expects success, and returns standard output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.stdout
    }

    /// Expects a refusal with status 1 whose text has this part, and nothing on standard output.
    #[track_caller]
    pub(crate) fn refused(self, part: &str) {
        assert_eq!(self.status, 1, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let error = self.stderr.lines().any(|line| line.starts_with("Error: "));
        assert!(error && self.stderr.contains(part), "{part}: {self:?}");
    }
}

/// A Mac; all that was made on it goes with it.
pub(crate) struct Mac {
    state: PathBuf,
    /// The beginning of all names.
    pub(crate) name: String,
    /// The image to run.
    pub(crate) image: &'static str,
}

impl Mac {
    /// Makes a Mac, unless there is no engine to make it on.
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("asi-{}-{count}", std::process::id());
        let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name);
        let mut mac = Self {
            state,
            name,
            image: IMAGES[0],
        };
        let there = |image: &&&'static str| mac.call(&["image", "inspect", image]).status == 0;
        if let Some(image) = IMAGES.iter().find(there) {
            mac.image = image;
            return Some(mac);
        }
        let why = mac.call(&["image", "inspect", IMAGES[0]]).stderr;
        let required = std::env::var_os("BOTTLE_TEST_REQUIRE")
            .is_some_and(|names| names.to_string_lossy().contains("macos-container"));
        assert!(!required, "no engine to stand on: {why}");
        eprintln!("skipped: no engine to stand on: {}", why.trim());
        None
    }

    /// Returns a command of the stand-in, to be run as the caller likes.
    pub(crate) fn command(&self, words: &[&str]) -> Expression {
        duct::cmd(env!("CARGO_BIN_EXE_container"), words)
            .env("APPLE_STAND_IN_STATE", &self.state)
            .unchecked()
    }

    /// Runs a command.
    pub(crate) fn call(&self, words: &[&str]) -> Answer {
        answer(&self.command(words).stdin_null())
    }

    /// Runs a command whose words are separated by spaces: `@` is the beginning of all names, and
    /// `IMAGE` the image.
    pub(crate) fn say(&self, line: &str) -> Answer {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| word.replace('@', &self.name).replace("IMAGE", self.image))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.call(&words)
    }

    /// Runs a shell command in a container.
    pub(crate) fn shell(&self, container: &str, script: &str) -> Answer {
        let container = container.replace('@', &self.name);
        self.call(&["exec", &container, "sh", "-c", script])
    }

    /// Inspects a container.
    #[track_caller]
    pub(crate) fn inspect(&self, container: &str) -> Value {
        let text = self.say(&format!("inspect {container}")).ok();
        let items: Value = serde_json::from_str(&text).unwrap();
        items[0].clone()
    }

    /// Returns a folder for the test's own files.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = self.state.join("files");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

impl Drop for Mac {
    fn drop(&mut self) {
        self.call(&["system", "start"]);
        self.call(&["delete", "--all", "--force"]);
        self.call(&["network", "delete", "--all"]);
        self.call(&["volume", "delete", "--all"]);
        self.call(&["system", "stop"]);
        drop(std::fs::remove_dir_all(&self.state));
    }
}

/// Runs a command and captures what it prints.
pub(crate) fn answer(command: &Expression) -> Answer {
    let output = command.stdout_capture().stderr_capture().run().unwrap();
    Answer {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
