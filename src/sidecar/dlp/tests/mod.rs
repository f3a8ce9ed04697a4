//! The detectors as their callers use them.

mod codings;
mod cuts;
mod fixture;
mod forms;
mod frames;
mod heads;
mod ordinary;
mod rules;
mod scrub;
mod slow;
mod tokens;
mod work;
