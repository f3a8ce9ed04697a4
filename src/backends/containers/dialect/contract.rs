//! What every dialect can do.

use std::ffi::OsString;
use std::fmt;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::super::capabilities::Capabilities;
use super::super::error::ErrorKind;
use super::super::record::{ContainerRecord, EngineInfo, ImageRecord, NetworkRecord};
use super::super::request::Request;

/// How one engine is spoken to. All functions are pure.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Returns the backend's name; also the name of the engine's program.
    fn name(&self) -> &'static str;

    /// Returns the words after the program's name for a request.
    fn argv(&self, request: &Request) -> Vec<OsString>;

    /// Reads the answer to [`Request::Info`].
    fn parse_info(&self, stdout: &[u8]) -> Result<EngineInfo, ParseError>;

    /// Reads the answer to [`Request::InspectContainers`].
    fn parse_containers(&self, stdout: &[u8]) -> Result<Vec<ContainerRecord>, ParseError>;

    /// Reads the answer to [`Request::InspectNetworks`].
    fn parse_networks(&self, stdout: &[u8]) -> Result<Vec<NetworkRecord>, ParseError>;

    /// Reads the answer to [`Request::InspectImage`].
    fn parse_image(&self, stdout: &[u8]) -> Result<ImageRecord, ParseError>;

    /// Says what kind of failure an engine's words on standard error mean.
    fn classify(&self, stderr: &str) -> ErrorKind;

    /// Says what an engine of this kind can do.
    fn capabilities(&self, info: &EngineInfo) -> Capabilities;

    /// Returns the oldest version that is supported, as its leading numbers.
    fn minimum(&self) -> (u32, u32);

    /// Returns the command that starts the engine when it does not answer.
    fn start_hint(&self) -> &'static str;

    /// Returns where to begin when the engine is not installed.
    fn install_hint(&self) -> &'static str;
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

/// Reads the leading `major.minor` of a version.
pub(super) fn version_numbers(version: &str) -> (u32, u32) {
    let mut numbers = version
        .split(|mark: char| !mark.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
