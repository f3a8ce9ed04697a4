//! Content encodings, undone as they pass.

mod brotli;
mod chain;
mod deflate;
mod gzip;
mod zstd;

pub(super) use chain::{ACCEPTED, Chain};
