//! The `bottle-sidecar` program.

fn main() {}
