//! Runs a coding agent in a sealed bottle.

pub mod backends;
pub mod env;
pub mod error;
pub mod exit;
pub mod manifest;
pub mod process;
pub mod state;
pub mod ui;
