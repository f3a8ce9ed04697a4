//! What must not leave a bottle, and how it is found: in heads, in bodies as they pass, in frames.
//!
//! Nothing here does I/O or knows of HTTP's machinery: bytes go in, and what may go on comes out.
//! [`Detectors`] is built once for a bottle. [`Stream`] looks through what the agent sends,
//! [`Frames`] through its WebSocket messages, and [`Scrub`] takes injected secrets out of answers.

mod anchors;
mod decode;
mod detectors;
mod encodings;
mod exact;
mod finding;
mod folded;
mod frames;
mod grams;
mod head;
mod known;
mod memory;
mod overlap;
mod packed;
mod quoted;
mod redact;
mod rules;
mod runs;
mod scrub;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod unescape;
mod vendor;

pub use detectors::Detectors;
pub use finding::{Finding, Place, Tier};
pub use frames::Frames;
pub use head::{Allowed, Head};
pub use known::{Known, KnownValue};
pub use redact::MARKER;
pub use rules::{BadRules, RuleFile};
pub use scrub::Scrub;
pub use stop::{Stop, Unscannable};
pub use stream::{Content, OnMatch, Stream};
