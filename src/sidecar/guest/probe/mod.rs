//! `guest probe`: tries to get out of the agent's network, from inside, as the agent would.

mod attempt;
mod dns;
mod prober;
mod resolves;
mod surroundings;

pub(super) use attempt::{Means, try_one};
pub(super) use dns::{DNS_PORT, query};
pub(super) use prober::from_stdin;
pub(super) use resolves::resolves;
pub(super) use surroundings::Surroundings;
