//! `guest probe`: tries to get out of the agent's network, from inside, as the agent would.

mod attempt;
mod dns;
mod prober;
mod surroundings;

pub(super) use prober::from_stdin;
