//! A dialect and the program that speaks it: typed requests in, typed records out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dialect::{Dialect, ParseError};
use super::error::EngineError;
use super::record::{ContainerRecord, EngineInfo, ImageRecord, NetworkRecord};
use super::request::{ExecSpec, Request};
use crate::process::{self, Captured, Input, Invocation};

/// How long an ordinary call may take; creating and removing take well under a second on an idle machine.
const CALL: Duration = Duration::from_mins(1);
/// How long the first question may take: an engine that does not answer by then is wedged.
const ASK: Duration = Duration::from_secs(10);
/// How often a network is tried. Two races in a row were never seen, also with four launches at once.
const NETWORK_TRIES: u32 = 4;
/// How long an image may take to build or to come from its registry.
const IMAGE: Duration = Duration::from_mins(30);

/// One engine, which may or may not be on this machine.
#[derive(Clone, Debug)]
pub struct Engine {
    dialect: &'static dyn Dialect,
    path: OsString,
}

/// An engine's program, found on this machine.
#[derive(Clone, Debug)]
pub struct Located {
    dialect: &'static dyn Dialect,
    program: PathBuf,
}

impl Engine {
    /// Makes an engine of a dialect; `path` is where its program is looked for, as in `PATH`.
    pub fn new(dialect: &'static dyn Dialect, path: OsString) -> Self {
        Self { dialect, path }
    }

    /// Returns the dialect.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    /// Finds the engine's program on `PATH`.
    pub fn locate(&self) -> Result<Located, process::ProcessError> {
        Ok(Located {
            program: process::find(self.dialect.name(), &self.path)?,
            dialect: self.dialect,
        })
    }

    /// Returns the call for a request as a value, with the bare name of the program: for `bottle plan`.
    pub fn sketch(&self, request: &Request) -> Invocation {
        Invocation::new(self.dialect.name(), self.dialect.argv(request))
    }
}

impl Located {
    /// Returns the dialect.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    /// Returns the program's path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the call for a request as a value.
    pub fn invocation(&self, request: &Request) -> Invocation {
        Invocation::new(&self.program, self.dialect.argv(request))
    }

    /// Asks who is there.
    pub fn info(&self) -> Result<EngineInfo, EngineError> {
        let doing = "ask the engine for its version".to_owned();
        let captured = self.call(&doing, &Request::Info, ASK)?;
        self.parse(doing, &captured, |dialect, stdout| {
            dialect.parse_info(stdout)
        })
    }

    /// Makes, connects, starts or removes something; the answer's text is of no use.
    pub fn perform(&self, doing: &str, request: &Request) -> Result<(), EngineError> {
        self.call(doing, request, CALL).map(drop)
    }

    /// Makes a network; what only lost a race with another change of the host's networks is tried again.
    pub fn make_network(&self, doing: &str, request: &Request) -> Result<(), EngineError> {
        for _ in 1..NETWORK_TRIES {
            match self.perform(doing, request) {
                Err(error) if error.is_raced() => {}
                outcome => return outcome,
            }
        }
        self.perform(doing, request)
    }

    /// Builds or fetches an image, which may take minutes; ends when the launch should not go on.
    pub fn make_image(
        &self,
        doing: &str,
        request: &Request,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), EngineError> {
        let invocation = self.invocation(request);
        let captured = process::run_while(&invocation, IMAGE, go_on).map_err(|source| {
            EngineError::Process {
                doing: doing.to_owned(),
                source,
            }
        })?;
        self.checked(doing, &invocation, captured).map(drop)
    }

    /// Removes something; that it is absent is a success.
    pub fn remove(&self, doing: &str, request: &Request) -> Result<(), EngineError> {
        match self.perform(doing, request) {
            Err(error) if error.is_absent() => Ok(()),
            outcome => outcome,
        }
    }

    /// Describes an image; `None` when it is not here.
    pub fn image(&self, name: &str) -> Result<Option<ImageRecord>, EngineError> {
        let doing = format!("look for the image `{name}`");
        match self.call(&doing, &Request::InspectImage(name.to_owned()), CALL) {
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
            Ok(captured) => self
                .parse(doing, &captured, |dialect, stdout| {
                    dialect.parse_image(stdout)
                })
                .map(Some),
        }
    }

    /// Describes a container.
    pub fn container(&self, name: &str) -> Result<Option<ContainerRecord>, EngineError> {
        Ok(self.containers(&[name.to_owned()])?.into_iter().next())
    }

    /// Describes containers; those that went away meanwhile are left out.
    pub fn containers(&self, names: &[String]) -> Result<Vec<ContainerRecord>, EngineError> {
        self.describe(
            "look at the containers",
            names,
            Request::InspectContainers,
            |dialect, stdout| dialect.parse_containers(stdout),
        )
    }

    /// Describes networks; those that went away meanwhile are left out.
    pub fn networks(&self, names: &[String]) -> Result<Vec<NetworkRecord>, EngineError> {
        self.describe(
            "look at the networks",
            names,
            Request::InspectNetworks,
            |dialect, stdout| dialect.parse_networks(stdout),
        )
    }

    /// Lists the ids or names that a listing request prints, one a line.
    pub fn names(&self, doing: &str, request: &Request) -> Result<Vec<String>, EngineError> {
        let captured = self.call(doing, request, ASK)?;
        Ok(captured
            .stdout_text()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Runs a program of ours in a container with this on its standard input, and returns what it printed.
    pub fn exec(
        &self,
        doing: &str,
        spec: &ExecSpec,
        input: Input,
        limit: Duration,
    ) -> Result<Captured, EngineError> {
        let invocation = self
            .invocation(&Request::Exec(spec.clone()))
            .with_stdin(input);
        self.run(doing, &invocation, limit)
    }

    /// Runs a call whose whole answer counts.
    pub fn call(
        &self,
        doing: &str,
        request: &Request,
        limit: Duration,
    ) -> Result<Captured, EngineError> {
        self.run(doing, &self.invocation(request), limit)
    }

    /// Makes an error of a call that ended with a status other than 0.
    pub fn checked(
        &self,
        doing: &str,
        invocation: &Invocation,
        captured: Captured,
    ) -> Result<Captured, EngineError> {
        if captured.success() {
            return Ok(captured);
        }
        let stderr = captured.stderr_text();
        Err(EngineError::Refused {
            engine: self.dialect().name(),
            doing: doing.to_owned(),
            kind: self.dialect().classify(&stderr),
            words: words_of(&captured),
            invocation: invocation.to_string(),
        })
    }

    fn describe<T>(
        &self,
        doing: &str,
        names: &[String],
        request: impl FnOnce(Vec<String>) -> Request,
        parse: impl FnOnce(&dyn Dialect, &[u8]) -> Result<Vec<T>, ParseError>,
    ) -> Result<Vec<T>, EngineError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let invocation = self.invocation(&request(names.to_vec()));
        let captured = process::run(&invocation, ASK).map_err(|source| EngineError::Process {
            doing: doing.to_owned(),
            source,
        })?;
        // One absent name makes the status non-zero, while the others are described all the same.
        let absent = !captured.success()
            && self.dialect().classify(&captured.stderr_text()) == super::error::ErrorKind::Absent;
        let captured = if absent {
            captured
        } else {
            self.checked(doing, &invocation, captured)?
        };
        self.parse(doing.to_owned(), &captured, parse)
    }

    fn run(
        &self,
        doing: &str,
        invocation: &Invocation,
        limit: Duration,
    ) -> Result<Captured, EngineError> {
        let captured = process::run(invocation, limit).map_err(|source| EngineError::Process {
            doing: doing.to_owned(),
            source,
        })?;
        self.checked(doing, invocation, captured)
    }

    fn parse<T>(
        &self,
        doing: String,
        captured: &Captured,
        parse: impl FnOnce(&dyn Dialect, &[u8]) -> Result<T, ParseError>,
    ) -> Result<T, EngineError> {
        parse(self.dialect(), &captured.stdout)
            .map_err(|source| EngineError::Parse { doing, source })
    }
}

/// Puts both streams together: what an engine means may stand on either. Half a JSON document says nothing.
fn words_of(captured: &Captured) -> String {
    let (stderr, stdout) = (captured.stderr_text(), captured.stdout_text());
    let both: Vec<&str> = [stderr.trim(), stdout.trim()]
        .into_iter()
        .filter(|text| !text.is_empty() && !text.starts_with(['[', '{']))
        .collect();
    if both.is_empty() {
        format!("it ended with status {} and said nothing", captured.status)
    } else {
        both.join("\n")
    }
}
