//! `bottle completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::args::Cli;
use super::context::Context;
use crate::error::{Error, Result};

/// Print shell completions.
///
/// For bash: `bottle completions bash > ~/.local/share/bash-completion/completions/bottle`.
#[derive(Clone, Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "bottle", &mut script);
    context
        .ui()
        .data(&String::from_utf8_lossy(&script))
        .map_err(Error::user)
}
