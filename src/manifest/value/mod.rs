//! The values that stand in manifests: each is read once, strictly, and carried as a type.

mod env;
mod image;
mod ports;
mod read;
mod resources;
mod secret;
mod words;

pub use env::{EnvName, EnvSource};
pub use image::UserSpec;
pub use secret::SecretSource;

pub(super) use env::EnvValue;
pub(super) use image::{ArgName, ImageReference};
pub(super) use ports::Ports;
pub(super) use read::{At, Read};
pub(super) use resources::{Cpus, Memory, Pids};
pub(super) use secret::{BasicUser, HeaderName, LITERAL_SECRET, SecretValue};
pub(super) use words::{Command, FilePath, Names, Prompt, Word, Workdir};
