//! The backends that there are.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::backend::Backend;
use super::containers::dialect::{Apple, Dialect, Docker, Podman};
use super::containers::{Containers, Engine};
use super::native::Native;
use crate::machine::Machine;

/// The names of all backends, in the order in which a default is looked for.
pub const NAMES: [&str; 4] = ["macos-container", "docker", "podman", "native"];

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
    /// Makes all backends; nothing is run yet. Programs are looked for in `path`, a list as in `PATH`;
    /// bottles without an engine are remembered in `native`, where there is a place for them.
    pub fn new(path: &OsStr, machine: &Arc<Machine>, native: Option<PathBuf>) -> Self {
        let engine = |dialect: &'static dyn Dialect| -> Box<dyn Backend> {
            let engine = Engine::new(dialect, path.to_owned(), Arc::clone(machine));
            Box::new(Containers::new(engine))
        };
        Self {
            backends: vec![
                engine(&Apple),
                engine(&Docker),
                engine(&Podman),
                Box::new(Native::new(Arc::clone(machine), native)),
            ],
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
