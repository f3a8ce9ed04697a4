//! What the commands do, over docker or podman.

#![expect(
    clippy::disallowed_methods,
    reason = "this is equipment for tests, not part of the product: it is a program that runs the \
              engines' programs and reads its own environment"
)]

mod builder;
mod builds;
mod containers;
mod context;
mod engine;
mod failure;
mod images;
mod json;
mod networks;
mod output;
mod record;
mod run;
mod spec;
mod state;
mod system;
mod time;
mod volumes;

pub use record::record;
pub use run::run;
