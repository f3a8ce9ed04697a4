//! What the values of options mean: Apple's `Parser`, which lives behind the grammar.

mod capabilities;
mod labels;
mod limits;
mod memory;
mod mounts;
mod names;
mod networks;
mod ports;
mod process;
mod reference;

pub(crate) use capabilities::capabilities;
pub(crate) use labels::{container_labels, network_labels};
pub(crate) use limits::{Limit, limits};
pub(crate) use memory::{bytes, mebibytes};
pub(crate) use mounts::{Mount, MountKind, mount, tmpfs, volume};
pub(crate) use names::{container_name, network_name, volume_name};
pub(crate) use networks::{NetworkUse, networks};
pub(crate) use ports::{Published, ports};
pub(crate) use process::{User, merged_environment, own_environment, user};
pub(crate) use reference::{Reference, displayed, normalised};
