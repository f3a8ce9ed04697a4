//! Running the engine's command line.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::runtime::failure::{Code, Failure};

/// The label of everything that the stand-in makes. Its value is the scope: 1, unless the state
/// folder is one that the caller chose.
const MARK: &str = "apple-stand-in";

/// The label that holds Apple's configuration of a resource, as JSON.
pub(crate) const CONFIGURATION: &str = "apple-stand-in.configuration";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// docker.
    Docker,
    /// podman.
    Podman,
}

/// The engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    /// Which one.
    pub(crate) kind: Kind,
    /// Whose resources are listed: each state folder is a Mac of its own.
    scope: u32,
}

/// What a command of the engine came to.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: i32,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Answer {
    /// Returns the standard output when the command succeeded.
    pub(crate) fn success(self) -> Result<String, Failure> {
        if self.status == 0 {
            return Ok(String::from_utf8_lossy(&self.stdout).into_owned());
        }
        Err(Failure::new(Code::InternalError, self.complaint()))
    }

    /// Returns what the engine complains about, without its own prefixes.
    pub(crate) fn complaint(&self) -> String {
        let text = self.stderr.trim();
        let text = text
            .strip_prefix("Error response from daemon: ")
            .unwrap_or(text);
        text.strip_prefix("Error: ").unwrap_or(text).to_owned()
    }

    /// Returns the items of a JSON array on standard output, whatever the status: an inspection
    /// prints what it found even when something was missing.
    pub(crate) fn items(&self) -> Vec<Value> {
        match serde_json::from_slice(&self.stdout) {
            Ok(Value::Array(items)) => items,
            Ok(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_),
            )
            | Err(_) => Vec::new(),
        }
    }
}

impl Engine {
    /// Finds the engine: `APPLE_STAND_IN_ENGINE`, or else docker before podman.
    pub(crate) fn find(scope: u32) -> Result<Self, Failure> {
        let kind = match std::env::var("APPLE_STAND_IN_ENGINE").as_deref() {
            Ok("docker") => Kind::Docker,
            Ok("") | Err(_) if on_path("docker") => Kind::Docker,
            Ok("podman" | "") | Err(_) => Kind::Podman,
            Ok(other) => {
                return Err(Failure::lacking(&format!(
                    "an engine called `{other}` (`APPLE_STAND_IN_ENGINE` is `docker` or `podman`)"
                )));
            }
        };
        Ok(Self { kind, scope })
    }

    /// Returns the word that marks what is made.
    pub(crate) fn mark(self) -> String {
        format!("--label={MARK}={:x}", self.scope)
    }

    /// Returns the filter for what is marked.
    pub(crate) fn filter(self) -> String {
        format!("label={MARK}={:x}", self.scope)
    }

    /// Returns the name of what each scope has one of.
    pub(crate) fn scoped(self, name: &str) -> String {
        match self.scope {
            1 => name.to_owned(),
            scope => format!("{name}-{scope:x}"),
        }
    }

    /// Returns the program's name.
    pub(crate) fn program(self) -> &'static str {
        match self.kind {
            Kind::Docker => "docker",
            Kind::Podman => "podman",
        }
    }

    /// Returns a command of the engine, to be run by the caller.
    pub(crate) fn command<W: AsRef<str>>(self, words: &[W]) -> Command {
        let mut command = Command::new(self.program());
        command.args(words.iter().map(AsRef::as_ref));
        // Its hints would stand among the engine's complaints.
        command.env("DOCKER_CLI_HINTS", "false");
        command
    }

    /// Runs a command of the engine and captures what it prints.
    pub(crate) fn ask<W: AsRef<str>>(self, words: &[W]) -> Result<Answer, Failure> {
        let output = self
            .command(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| self.absent(&error))?;
        Ok(Answer {
            status: output.status.code().unwrap_or(128),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Makes the failure for an engine that cannot be run.
    pub(crate) fn absent(self, error: &std::io::Error) -> Failure {
        Failure::lacking(&format!(
            "an engine: `{}` cannot be run: {error}",
            self.program()
        ))
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
