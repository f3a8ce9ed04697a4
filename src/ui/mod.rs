//! Talks to people and to scripts: the only place that prints.
//!
//! Floor 1. Standard output is data, and stable; standard error is for people. Colour never
//! carries meaning alone. What others wrote is printed without its control characters, since a
//! bottle's agent may choose some of it.

mod ask;
mod event;
mod phase;
mod screen;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use ask::AskError;
pub use event::{By, Event, Outcome};
pub use phase::Phase;
pub use screen::{Progress, Released, Tone, Ui};
pub use text::printable_line;
