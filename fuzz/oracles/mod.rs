//! One file for each thing that is read, with what must hold of the reading.

pub(crate) mod address;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod dlp;
pub(crate) mod heads;
pub(crate) mod host;
pub(crate) mod manifest;
pub(crate) mod path;
pub(crate) mod url;
