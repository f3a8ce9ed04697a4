//! Where work is taken to: the folder that it came from, or another one.

use std::path::{Path, PathBuf};

/// Where work is taken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The folder that was copied in.
    Source(PathBuf),
    /// Another folder, which need not have what the workspace had.
    Other(PathBuf),
}

impl Destination {
    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Source(folder) | Self::Other(folder) => folder,
        }
    }
}
