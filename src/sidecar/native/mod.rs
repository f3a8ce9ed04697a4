//! A bottle without an engine: what the static binary does on the host to make one, and to get into it.
//!
//! Every role is a process of its own, fresh after its start and with one thread, so that it may enter
//! namespaces: `start` leaves a `keep` behind, which makes the agent's place and starts `guard` for the
//! sidecar and `init` for the agent. `exec` gets a program into the agent's place.

mod call;
mod channel;
mod devices;
mod enter;
mod etc;
mod filter;
mod groups;
mod guard;
mod ids;
mod init;
mod keeper;
mod landlock;
mod limits;
mod logs;
mod loopback;
mod mounts;
mod output;
mod processes;
mod program;
mod root;
mod start;
mod stop;
mod streams;
mod terminal;
mod watch;

pub use call::{Outcome, run};
pub use channel::Handed;
pub(crate) use channel::answer;
