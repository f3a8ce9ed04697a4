//! Containers.

mod addresses;
mod attend;
mod configuration;
mod copy;
mod create;
mod describe;
mod end;
mod exec;
mod export;
mod files;
mod logs;
mod orphans;
mod placement;
mod relay;
mod show;
mod start;
mod stats;

pub(crate) use configuration::{dns, uuid};
pub(crate) use copy::copy;
pub(crate) use create::{create, run};
pub(crate) use describe::described;
pub(crate) use end::{delete, kill, prune, stop};
pub(crate) use exec::exec;
pub(crate) use export::export;
pub(crate) use logs::logs;
pub(crate) use show::{inspect, list};
pub(crate) use start::start;
pub(crate) use stats::stats;
