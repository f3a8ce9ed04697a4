//! Images.

mod archive;
mod describe;
mod find;
mod list;
mod tags;

pub(crate) use archive::{load, save};
pub(crate) use describe::descriptor;
pub(crate) use find::{for_container, native, remember};
pub(crate) use list::{inspect, list};
pub(crate) use tags::{delete, prune, pull, tag};
