//! `bottle man`, for whoever packs a release: it is not among the verbs that are listed.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_mangen::generate_to;

use super::args::Cli;
use super::context::Context;
use crate::error::{Error, Result};

/// Write the man pages: one for bottle, and one for each verb.
#[derive(Clone, Debug, Args)]
pub(super) struct ManArgs {
    /// The folder that they are written to; it is made where it is missing
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &ManArgs) -> Result<()> {
    let folder = context.absolute(&args.folder);
    let failed = |error: std::io::Error| {
        let what = format!("could not write man pages to `{}`", folder.display());
        Error::user(anyhow::Error::new(error).context(what))
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    generate_to(Cli::command(), &folder).map_err(failed)
}
