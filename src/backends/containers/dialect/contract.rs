//! What every dialect can do.

use std::ffi::OsString;
use std::fmt;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::super::capabilities::Capabilities;
use super::super::error::ErrorKind;
use super::super::record::{
    BuilderState, ContainerRecord, EngineInfo, ImageRecord, Listing, NetworkRecord,
};
use super::super::request::Request;
use crate::backends::backend::{Home, Problem};
use crate::machine::Facts;

/// How one engine is spoken to. All functions are pure.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Returns the backend's name.
    fn name(&self) -> &'static str;

    /// Returns the name of the engine's program.
    fn program(&self) -> &'static str {
        self.name()
    }

    /// Says whether a machine of these facts is its home.
    fn home(&self, _facts: &Facts) -> Home {
        Home::Anywhere
    }

    /// Says why it cannot run on a machine of these facts, whatever is installed there.
    fn unfit(&self, _facts: &Facts) -> Option<Problem> {
        None
    }

    /// Tells whether [`Request::StartEngine`] starts it, without a password.
    fn starts_by_call(&self) -> bool {
        false
    }

    /// Says whose version counts.
    fn versioned_by(&self) -> VersionedBy {
        VersionedBy::Engine
    }

    /// Returns the words after the program's name for a request.
    ///
    /// What the engine does not have, by its capabilities, is not asked of it; the words would
    /// make it print its help.
    fn argv(&self, request: &Request) -> Vec<OsString>;

    /// Reads the answer to [`Request::Info`].
    fn parse_info(&self, stdout: &[u8]) -> Result<EngineInfo, ParseError>;

    /// Reads from a failed answer to [`Request::Info`] why the engine does not run.
    fn why_down(&self, _stdout: &[u8]) -> Option<String> {
        None
    }

    /// Reads the answer to [`Request::ListContainers`].
    fn parse_container_listing(
        &self,
        stdout: &[u8],
    ) -> Result<Listing<ContainerRecord>, ParseError> {
        Ok(Listing::Names(lines(stdout)))
    }

    /// Reads the answer to [`Request::ListNetworks`].
    fn parse_network_listing(&self, stdout: &[u8]) -> Result<Listing<NetworkRecord>, ParseError> {
        Ok(Listing::Names(lines(stdout)))
    }

    /// Reads the answer to [`Request::InspectBuilder`]. An engine that builds by itself is its builder.
    fn parse_builder(&self, _stdout: &[u8]) -> Result<BuilderState, ParseError> {
        Ok(BuilderState::Running)
    }

    /// Reads the answer to [`Request::InspectContainers`].
    fn parse_containers(&self, stdout: &[u8]) -> Result<Vec<ContainerRecord>, ParseError>;

    /// Reads the answer to [`Request::InspectNetworks`].
    fn parse_networks(&self, stdout: &[u8]) -> Result<Vec<NetworkRecord>, ParseError>;

    /// Reads the answer to [`Request::InspectImage`].
    fn parse_image(&self, stdout: &[u8]) -> Result<ImageRecord, ParseError>;

    /// Says what kind of failure a status and the engine's words on standard error mean.
    fn classify(&self, status: i32, stderr: &str) -> ErrorKind;

    /// Says what an engine of this kind can do on a machine of these facts.
    fn capabilities(&self, info: &EngineInfo, facts: &Facts) -> Capabilities;

    /// Returns the oldest version that is supported, as its leading numbers.
    fn minimum(&self) -> (u32, u32);

    /// Says that a version is older than the oldest one.
    fn too_old(&self, version: &str) -> String {
        let (major, minor) = self.minimum();
        format!("version {version} is too old: {major}.{minor} or later is needed")
    }

    /// Returns what brings an engine that is too old up to date.
    fn upgrade_hint(&self) -> &'static str {
        self.install_hint()
    }

    /// Returns the command that starts the engine when it does not answer.
    fn start_hint(&self) -> &'static str;

    /// Returns where to begin when the engine is not installed.
    fn install_hint(&self) -> &'static str;
}

/// Whose version counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionedBy {
    /// The engine's, which answers [`Request::Info`].
    Engine,
    /// The program's own, which answers [`Request::Version`] also when the engine is down.
    Program,
}

/// An engine's answer that could not be read.
#[derive(Debug, Error)]
#[error("the answer to `{request}` could not be read: {source}")]
pub struct ParseError {
    /// What was asked.
    pub request: &'static str,
    /// Why it could not be read.
    pub source: serde_json::Error,
}

/// Reads JSON; the engines' warnings stand on standard error and never get here.
pub(super) fn read<T: DeserializeOwned>(
    request: &'static str,
    stdout: &[u8],
) -> Result<T, ParseError> {
    serde_json::from_slice(stdout).map_err(|source| ParseError { request, source })
}

/// Reads the names or ids that stand one on a line.
fn lines(stdout: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(stdout)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Finds the version in a sentence such as `container CLI version 1.2.2 (build: release)`.
pub(in super::super) fn version_in(sentence: &str) -> Option<&str> {
    sentence
        .split(|mark: char| mark.is_whitespace() || mark == ',')
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
}

/// Reads the leading `major.minor` of a version.
pub(in super::super) fn version_numbers(version: &str) -> (u32, u32) {
    let mut numbers = version
        .split(|mark: char| !mark.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
