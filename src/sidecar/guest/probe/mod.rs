//! `guest probe`: tries to get out of the agent's network, from inside, as the agent would.

mod attempt;
mod dns;
mod prober;
mod resolves;
mod surroundings;

pub(super) use dns::DNS_PORT;
pub(super) use prober::from_stdin;
pub(super) use resolves::resolves;
