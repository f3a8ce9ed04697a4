//! The backends that there are.

use std::ffi::OsStr;

use thiserror::Error;

use super::backend::Backend;
use super::containers::dialect::{Dialect, Docker, Podman};
use super::containers::{Containers, Engine};

/// The names of all backends, in the order in which a default is looked for on Linux.
pub const NAMES: [&str; 2] = ["docker", "podman"];

/// All backends.
#[derive(Debug)]
pub struct Registry {
    backends: Vec<Box<dyn Backend>>,
}

/// A name that no backend has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no backend `{name}` (there are: {})", NAMES.join(", "))]
pub struct UnknownBackend {
    /// The name.
    pub name: String,
}

impl Registry {
    /// Makes all backends; nothing is run yet. Programs are looked for in `path`, a list as in `PATH`.
    pub fn new(path: &OsStr) -> Self {
        let engine = |dialect: &'static dyn Dialect| -> Box<dyn Backend> {
            Box::new(Containers::new(Engine::new(dialect, path.to_owned())))
        };
        Self {
            backends: vec![engine(&Docker), engine(&Podman)],
        }
    }

    /// Returns all backends, in the order in which a default is looked for.
    pub fn all(&self) -> impl Iterator<Item = &dyn Backend> {
        self.backends.iter().map(AsRef::as_ref)
    }

    /// Returns the backend of this name.
    pub fn named(&self, name: &str) -> Result<&dyn Backend, UnknownBackend> {
        self.all()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| UnknownBackend {
                name: name.to_owned(),
            })
    }
}
