//! `native start`: leaves a keeper behind that makes a bottle, and passes on what it says.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;

use super::limits::MESSAGE_BYTES;
use super::program;

/// Starts the keeper on this process's own input, and ends when it has answered or failed. The words
/// are for people who look at the machine's processes.
pub(super) fn start(words: &[OsString]) -> anyhow::Result<ExitCode> {
    let mut child = program::here("keep")
        .args(words)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the keeper")?;
    let mut answer = Vec::new();
    let output = child.stdout.take().context("the keeper has no output")?;
    output
        .take(MESSAGE_BYTES)
        .read_to_end(&mut answer)
        .context("cannot read the keeper's answer")?;
    if answer.is_empty() {
        // It has said why on standard error, which is ours too.
        child.wait().context("cannot wait for the keeper")?;
        return Ok(ExitCode::FAILURE);
    }
    std::io::stdout()
        .write_all(&answer)
        .context("cannot pass the answer on")?;
    Ok(ExitCode::SUCCESS)
}
