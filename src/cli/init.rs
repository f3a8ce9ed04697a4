//! `bottle init`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use bottle_contract::id::Name;
use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::manifest::starter;

/// Write a manifest to start from.
///
/// Writes a commented agent file. A file that is there already is never overwritten.
#[derive(Clone, Debug, Args)]
pub(super) struct InitArgs {
    /// Where to write it
    #[arg(default_value = "agent.toml", value_name = "AGENT.TOML")]
    file: PathBuf,

    /// The agent's name; the folder's name otherwise
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &InitArgs) -> Result<()> {
    let path = context.absolute(&args.file);
    let name = args
        .name
        .clone()
        .or_else(|| folder_name(&path))
        .map_or_else(|| "agent".parse().map_err(Error::internal), Ok)?;
    let written =
        File::create_new(&path).and_then(|mut file| file.write_all(starter(&name).as_bytes()));
    written.map_err(|error| failed(error, &path))?;
    context.ui().note(format!(
        "wrote `{}`; `bottle plan {}` shows what it does",
        path.display(),
        args.file.display()
    ));
    Ok(())
}

fn folder_name(path: &Path) -> Option<Name> {
    path.parent()?
        .file_name()?
        .to_str()?
        .to_ascii_lowercase()
        .replace(['_', ' ', '.'], "-")
        .parse()
        .ok()
}

fn failed(error: io::Error, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Error::user(anyhow!("`{}` is there already", path.display()))
            .hint("name another file");
    }
    Error::user(anyhow::Error::new(error).context(format!("could not write `{}`", path.display())))
}
