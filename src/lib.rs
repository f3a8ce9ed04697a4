//! Runs a coding agent in a sealed bottle.
//!
//! The floors, from the ground up; an import goes down or stays:
//!
//! | floor | room | what it does |
//! |------:|------|--------------|
//! | 0 | `bottle-contract` | names, policy, and the messages between the two programs; pure |
//! | 1 | [`process`], [`ui`], [`env`](mod@env), [`machine`], [`error`], [`exit`] | the only places that run programs, print, and read the environment; what this machine is |
//! | 2 | [`manifest`], [`state`] | what a bottle should be, and what is remembered of one |
//! | 3 | [`backends`] | how a bottle comes to exist somewhere |
//! | 4 | [`launch`] | what it takes to run one, whatever it is made on |
//! | 5 | [`cli`] | the command line |

pub mod backends;
pub mod cli;
pub mod env;
pub mod error;
pub mod exit;
pub mod launch;
pub mod machine;
pub mod manifest;
pub mod process;
pub mod state;
pub mod ui;
