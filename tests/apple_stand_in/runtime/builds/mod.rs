//! `build`.

mod build;
mod dockerfile;

pub(crate) use build::build;
