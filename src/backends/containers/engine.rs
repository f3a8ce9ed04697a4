//! A dialect and the program that speaks it: typed requests in, typed records out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::dialect::{Dialect, ParseError, VersionedBy, version_in, version_numbers};
use super::error::{EngineError, ErrorKind};
use super::record::{
    BuilderState, ContainerRecord, EngineInfo, ImageRecord, Listing, NetworkRecord,
};
use super::request::{ExecSpec, NetworkSpec, Request, Subnet};
use crate::machine::{Facts, Machine};
use crate::process::{self, Captured, Input, Invocation};

/// How long an ordinary call may take; creating and removing take well under a second on an idle machine.
const CALL: Duration = Duration::from_mins(1);
/// How long the first question may take: an engine that does not answer by then is wedged.
const ASK: Duration = Duration::from_secs(10);
/// How often a network is tried. Two races in a row were never seen, also with four launches at once;
/// what others use and this machine does not show takes one try each.
const NETWORK_TRIES: u32 = 32;
/// How long an image may take to build or to come from its registry.
const IMAGE: Duration = Duration::from_mins(30);

/// One engine, which may or may not be on this machine.
#[derive(Clone, Debug)]
pub struct Engine {
    dialect: &'static dyn Dialect,
    path: OsString,
    machine: Arc<Machine>,
}

/// An engine's program, found on this machine.
#[derive(Clone, Debug)]
pub struct Located {
    dialect: &'static dyn Dialect,
    program: PathBuf,
}

impl Engine {
    /// Makes an engine of a dialect; `path` is where its program is looked for, as in `PATH`.
    pub fn new(dialect: &'static dyn Dialect, path: OsString, machine: Arc<Machine>) -> Self {
        Self {
            dialect,
            path,
            machine,
        }
    }

    /// Returns what is known about this machine.
    pub fn facts(&self) -> &Facts {
        self.machine.facts()
    }

    /// Returns the dialect.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    /// Finds the engine's program on `PATH`.
    pub fn locate(&self) -> Result<Located, process::ProcessError> {
        Ok(Located {
            program: process::find(self.dialect.program(), &self.path)?,
            dialect: self.dialect,
        })
    }

    /// Finds the program on a machine that the engine is made for.
    pub fn usable(&self) -> Option<Located> {
        match self.dialect.unfit(self.facts()) {
            Some(_) => None,
            None => self.locate().ok(),
        }
    }

    /// Returns the call for a request as a value, with the bare name of the program: for `bottle plan`.
    pub fn sketch(&self, request: &Request) -> Invocation {
        Invocation::new(self.dialect.program(), self.dialect.argv(request))
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

    /// Asks the program for its version, where that counts and not the engine's.
    pub fn version(&self) -> Result<Option<String>, EngineError> {
        match self.dialect.versioned_by() {
            VersionedBy::Engine => Ok(None),
            VersionedBy::Program => {
                let captured =
                    self.call("ask the program for its version", &Request::Version, ASK)?;
                let sentence = captured.stdout_text();
                Ok(Some(version_in(&sentence).unwrap_or("0").to_owned()))
            }
        }
    }

    /// Asks who is there; `version` is the program's, where that counts.
    pub fn info(&self, version: Option<String>) -> Result<EngineInfo, EngineError> {
        let doing = "ask the engine for its version";
        let invocation = self.invocation(&Request::Info);
        let captured = capture(doing, &invocation, ASK)?;
        if let Some(words) = self.dialect.why_down(&captured.stdout) {
            return Err(EngineError::Down { words });
        }
        let captured = self.checked(doing, &invocation, captured)?;
        let mut info = self.parse(doing.to_owned(), &captured, |dialect, stdout| {
            dialect.parse_info(stdout)
        })?;
        if let Some(version) = version {
            info.numbers = version_numbers(&version);
            info.version = version;
        }
        Ok(info)
    }

    /// Makes, connects, starts or removes something; the answer's text is of no use.
    pub fn perform(&self, doing: &str, request: &Request) -> Result<(), EngineError> {
        self.call(doing, request, CALL).map(drop)
    }

    /// Makes a network, in the next block of addresses when somebody else has one; what only lost a race
    /// with another change of the host's networks is tried again.
    pub(super) fn make_network(
        &self,
        doing: &str,
        spec: &NetworkSpec,
        block: &dyn Fn() -> Option<Ipv4Net>,
    ) -> Result<(), EngineError> {
        let mut spec = spec.clone();
        let addressed = spec.subnet.is_some();
        let mut fresh = addressed;
        let mut last = Err(EngineError::NoBlock {
            doing: doing.to_owned(),
        });
        for _ in 0..NETWORK_TRIES {
            if fresh {
                match block() {
                    Some(block) => spec.subnet = Some(Subnet::At(block)),
                    None => return last,
                }
            }
            last = self.perform(doing, &Request::CreateNetwork(spec.clone()));
            match &last {
                // Where the engine chooses, only a network that is made right now can be in the way.
                Err(error) if error.is_raced() || error.is_overlap() => {
                    fresh = addressed && error.is_overlap();
                }
                Ok(()) | Err(_) => return last,
            }
        }
        last
    }

    /// Makes what may take minutes, such as an image; ends when the launch should not go on.
    pub fn make_slowly(
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

    /// Removes or stops something; that it is absent is a success.
    ///
    /// `is_there` is asked when the engine says no: its words may be about something else, or tell
    /// nothing.
    pub fn remove(
        &self,
        doing: &str,
        request: &Request,
        is_there: impl FnOnce() -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        match self.perform(doing, request) {
            Err(error) => match is_there() {
                Ok(false) => Ok(()),
                Ok(true) | Err(_) => Err(error),
            },
            Ok(()) => Ok(()),
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

    /// Describes the containers that carry a label; more may be among them.
    pub fn labelled_containers(
        &self,
        label: &'static str,
    ) -> Result<Vec<ContainerRecord>, EngineError> {
        let doing = "list the containers";
        let captured = self.call(doing, &Request::ListContainers { label }, ASK)?;
        let listing = self.parse(doing.to_owned(), &captured, |dialect, stdout| {
            dialect.parse_container_listing(stdout)
        })?;
        match listing {
            Listing::Names(names) => self.containers(&names),
            Listing::Records(records) => Ok(records),
        }
    }

    /// Describes the networks that carry a label; more may be among them.
    pub fn labelled_networks(
        &self,
        label: &'static str,
    ) -> Result<Vec<NetworkRecord>, EngineError> {
        let doing = "list the networks";
        let captured = self.call(doing, &Request::ListNetworks { label }, ASK)?;
        let listing = self.parse(doing.to_owned(), &captured, |dialect, stdout| {
            dialect.parse_network_listing(stdout)
        })?;
        match listing {
            Listing::Names(names) => self.networks(&names),
            Listing::Records(records) => Ok(records),
        }
    }

    /// Tells whether the builder that all builds share runs.
    pub fn builder(&self) -> Result<BuilderState, EngineError> {
        let doing = "look at the builder";
        let captured = self.call(doing, &Request::InspectBuilder, CALL)?;
        self.parse(doing.to_owned(), &captured, |dialect, stdout| {
            dialect.parse_builder(stdout)
        })
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
            kind: self.dialect().classify(captured.status, &stderr),
            words: words_of(&captured),
            invocation: invocation.to_string(),
        })
    }

    fn describe<T>(
        &self,
        doing: &str,
        names: &[String],
        request: impl Fn(Vec<String>) -> Request,
        parse: impl Fn(&dyn Dialect, &[u8]) -> Result<Vec<T>, ParseError>,
    ) -> Result<Vec<T>, EngineError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let invocation = self.invocation(&request(names.to_vec()));
        let captured = capture(doing, &invocation, ASK)?;
        let kind = self
            .dialect()
            .classify(captured.status, &captured.stderr_text());
        // One absent name makes the status non-zero: some engines describe the others all the same.
        let absent = !captured.success() && kind == ErrorKind::Absent;
        if absent && captured.stdout.trim_ascii().is_empty() {
            return self.describe_each(doing, names, &request, &parse);
        }
        let captured = if absent {
            captured
        } else {
            self.checked(doing, &invocation, captured)?
        };
        self.parse(doing.to_owned(), &captured, parse)
    }

    /// For an engine that says nothing of the others when one is absent.
    fn describe_each<T>(
        &self,
        doing: &str,
        names: &[String],
        request: &impl Fn(Vec<String>) -> Request,
        parse: &impl Fn(&dyn Dialect, &[u8]) -> Result<Vec<T>, ParseError>,
    ) -> Result<Vec<T>, EngineError> {
        let mut found = Vec::new();
        for name in names {
            match self.call(doing, &request(vec![name.clone()]), ASK) {
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error),
                Ok(captured) => found.extend(self.parse(doing.to_owned(), &captured, parse)?),
            }
        }
        Ok(found)
    }

    fn run(
        &self,
        doing: &str,
        invocation: &Invocation,
        limit: Duration,
    ) -> Result<Captured, EngineError> {
        self.checked(doing, invocation, capture(doing, invocation, limit)?)
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

fn capture(doing: &str, invocation: &Invocation, limit: Duration) -> Result<Captured, EngineError> {
    process::run(invocation, limit).map_err(|source| EngineError::Process {
        doing: doing.to_owned(),
        source,
    })
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
