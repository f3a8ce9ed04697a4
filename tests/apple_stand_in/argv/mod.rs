//! The grammar: words in, a verdict out. Nothing is run, and nothing is read but the words and
//! what `build` asks of its [`Surroundings`].

mod grammar;
mod lenient;
mod parse;
mod parsed;
mod plugin;
mod reference;
mod refusal;
mod release;
mod surroundings;
mod usage;
mod validate;
mod value;
mod words;

pub use parse::{parse, parse_in};
pub use parsed::{Outcome, Parsed};
pub use plugin::Service;
pub use release::{commit, version_line};
pub use surroundings::{Machine, Surroundings};
