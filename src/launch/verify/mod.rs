//! `bottle verify`: an attack on a bottle from inside, and a judgement from outside.
//!
//! `own` makes a bottle to be attacked, `attack` runs the guest's attempts in one, `witness` sees on
//! the host what arrives, and `judge` (pure) says what it all means.

mod attack;
mod judge;
mod own;
mod witness;

#[cfg(test)]
mod judge_tests;

pub use attack::{Attacked, attack};
pub use judge::{Row, Verdict, Verified};
pub use own::{OwnParts, verify_own};
