//! Floor 5: the command line, one file for each verb.
//!
//! A verb's `Args` doc comments are its help; its `run` translates words into calls of `launch`.

mod allow;
mod args;
mod attach;
mod audit;
mod change;
mod check;
mod clean;
mod completions;
mod context;
mod cp;
mod deny;
mod diff;
mod doctor;
mod exec;
mod init;
mod inspect;
mod length;
mod logs;
mod ls;
mod man;
mod manifest;
mod pager;
mod plan;
mod pull;
mod report;
mod rm;
mod run;
mod schema;
mod snapshot;
mod start;
mod stop;
mod trust;
mod verify;

pub use args::main;
