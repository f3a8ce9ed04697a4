//! `guest attack`: attacks the bottle from inside, as the agent, and reports what came of it.
//!
//! One file for each family. Every attempt has a positive control: the same means where they should
//! work. What the results mean is decided outside, where nobody in the bottle can change it.

mod confinement;
mod credentials;
mod devices;
mod dns;
mod kernel;
mod network;
mod ping;
mod processes;
mod proxy;
mod reach;
mod routes;
mod rows;
mod run;
mod scene;
mod secrets;
mod sidecar;
mod sockets;
mod tunnel;
mod unix;
mod walk;
mod written;

pub(super) use run::{from_stdin, idle};
