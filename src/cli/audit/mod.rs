//! `bottle audit`: the lines, whether they are all there, and what they come to.

mod show;
mod stats;
mod verify;

pub(super) use show::{AuditArgs, run};
