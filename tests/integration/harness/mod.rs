//! What every scenario stands on: engines, rooms with a home of their own, origins, deadlines.

mod apart;
mod authority;
mod call;
mod client;
mod engine;
mod names;
mod namespaces;
mod origin;
mod packets;
mod room;
mod stand_in;
mod terminal;
mod wait;
mod wrapper;

pub(crate) use call::{Call, Outcome};
pub(crate) use engine::{Host, docker, macos_container, native, podman, variable};
pub(crate) use names::Names;
pub(crate) use origin::{HELLO, Origin, host_address};
pub(crate) use packets::Packets;
pub(crate) use room::{Room, run, sidecar};
pub(crate) use terminal::Terminal;
pub(crate) use wait::{DEADLINE, until};
pub(crate) use wrapper::Wrapper;
