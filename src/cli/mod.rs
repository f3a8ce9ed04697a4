//! Floor 5: the command line, one file for each verb.
//!
//! A verb's `Args` doc comments are its help; its `run` translates words into calls of `launch`.

mod allow;
mod args;
mod audit;
mod change;
mod check;
mod clean;
mod completions;
mod context;
mod cp;
mod deny;
mod doctor;
mod exec;
mod init;
mod inspect;
mod logs;
mod ls;
mod manifest;
mod plan;
mod run;
mod schema;
mod stop;
mod trust;
mod verify;

pub use args::main;
