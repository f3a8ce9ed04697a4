//! Tests that read whole files: a folder for each, with an agent file and bottles in it.

mod dlp;
mod errors;
mod examples;
mod fixture;
mod fold;
mod resolve;
mod schema;
mod trust;
mod warnings;

use fixture::{Fixture, error_of, resolved};
