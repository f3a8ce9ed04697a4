//! The runtime on a real engine: the ideas of Apple's own suites.
//!
//! Without an engine, or without its image, each test is skipped with a printed reason, unless
//! `BOTTLE_TEST_REQUIRE` names `macos-container`.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "all of this is a test: what is not as expected fails it, a skip is printed, and its \
              files and variables are its own"
)]

mod builds;
mod copy;
mod exec;
mod lifecycle;
mod mac;
mod networks;
mod refusals;
mod service;
mod volumes;
