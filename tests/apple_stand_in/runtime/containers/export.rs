//! `export`: the file system as an archive.

use std::fs::File;
use std::process::Stdio;

use crate::runtime::context::Context;
use crate::runtime::engine::find_container;
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::emit;
use crate::version::Version;

/// `export`: to a file, whose path is printed, or to standard output. Before 1.2.1 a running
/// container is refused.
pub(crate) fn export(context: &Context<'_>) -> Done {
    let id = context.word("id")?;
    let container = find_container(context.engine, id)?
        .filter(|container| container.configuration.is_some())
        .ok_or_else(|| Failure::missing(format!("get failed: container {id} not found")))?;
    if container.running && context.version < Version::V1_2_2 {
        let message = format!("container {id} is not stopped");
        return Err(Failure::new(Code::InvalidState, message));
    }
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let output = context.parsed.value("output");
    let stdout = match output {
        Some(path) => Stdio::from(File::create(path).map_err(io)?),
        None => Stdio::inherit(),
    };
    let mut command = context.engine.command(&["export", id]);
    let status = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .status()
        .map_err(io)?;
    if !status.success() {
        let message = format!("failed to export container {id}");
        return Err(Failure::new(Code::InternalError, message));
    }
    output.map(emit);
    Ok(())
}
