//! `bottle schema`.

use clap::{Args, ValueEnum};

use super::context::Context;
use crate::error::{Error, Result};
use crate::manifest::{self, json_schema};

/// Print the JSON Schema of manifests, for editors.
#[derive(Clone, Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which kind of file
    #[arg(value_enum, default_value_t = Kind::Agent)]
    kind: Kind,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An agent file: what to run
    Agent,
    /// A bottle file: what it may do
    Bottle,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &SchemaArgs) -> Result<()> {
    let kind = match args.kind {
        Kind::Agent => manifest::Kind::Agent,
        Kind::Bottle => manifest::Kind::Bottle,
    };
    context.ui().json(&json_schema(kind)).map_err(Error::user)
}
