//! `bottle trust`.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};
use crate::manifest::{TrustStore, grants, load_agent};

/// Trust what an agent file grants itself.
///
/// Prints what that is, and records the digest of the file with what it brings along: its prompt
/// file, Dockerfile and certificates. Any change of these asks for trust again.
#[derive(Clone, Debug, Args)]
pub(super) struct TrustArgs {
    /// The agent file
    #[arg(default_value = "agent.toml", value_name = "AGENT.TOML")]
    file: PathBuf,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &TrustArgs) -> Result<()> {
    let loaded = load_agent(&context.absolute(&args.file), &context.folders()?)?;
    let grants = grants(&loaded);
    if grants.is_empty() {
        context.ui().note(format!(
            "`{}` needs no trust: it grants itself nothing",
            args.file.display()
        ));
        return Ok(());
    }
    let mut store = TrustStore::open(&context.trust_file()?).map_err(Error::user)?;
    store
        .record(&loaded.path, &loaded.trust_digest)
        .map_err(Error::user)?;
    for grant in &grants {
        context.ui().note(format!("  - {grant}"));
    }
    context
        .ui()
        .note(format!("`{}` is trusted as it is now", args.file.display()));
    Ok(())
}
