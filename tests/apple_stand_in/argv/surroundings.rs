//! What the grammar may ask of the machine: whether a path exists, and what a variable holds.

use std::path::Path;

/// The machine around a command line, as far as a verdict depends on it.
///
/// Only `build` asks: Apple's validation looks for the context folder, the Dockerfile, and the
/// variables behind `--secret` and `--ssh`.
pub trait Surroundings {
    /// Tells whether a path exists; a relative one counts from the current folder.
    fn exists(&self, path: &str) -> bool;

    /// Tells whether a variable of the environment is set.
    fn is_set(&self, variable: &str) -> bool;
}

/// The machine itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Surroundings for Machine {
    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the stand-in is a program of its own: this is its one place for the environment"
    )]
    fn is_set(&self, variable: &str) -> bool {
        // A name with an equals sign or nothing in it names no variable.
        let names_one = !variable.is_empty() && !variable.contains(['=', '\0']);
        names_one && std::env::var_os(variable).is_some()
    }
}
