//! Real clients through the whole sidecar, each allowed, denied, streamed and audited.
//!
//! A client that is not installed is skipped with a printed reason, and is a failure where
//! `BOTTLE_TEST_REQUIRE` names `clients`.

mod fetching;
mod git;
mod grpc;
mod messages;
mod program;
