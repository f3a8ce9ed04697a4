//! `image save` and `image load`: OCI layouts.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use super::find::lookup;
use crate::runtime::context::Context;
use crate::runtime::engine::Kind;
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::{emit, log};

/// `image save`: the layout's configuration has all of an image, `OnBuild` too.
pub(crate) fn save(context: &Context<'_>) -> Done {
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let references = context.ids("references");
    let mut words = vec!["save".to_owned()];
    if context.engine.kind == Kind::Podman {
        words.push("--format=oci-archive".to_owned());
        if references.len() > 1 {
            return Err(Failure::lacking(
                "`image save` of several images over podman",
            ));
        }
    }
    for reference in &references {
        let Some((_, stored)) = lookup(context, reference)? else {
            log(&format!("image not found: {reference}"));
            return Err(Failure::new(Code::InternalError, "failed to save image(s)"));
        };
        words.push(stored);
    }
    let output = context.parsed.value("output");
    let stdout = match output {
        Some(path) => Stdio::from(File::create(path).map_err(io)?),
        None => Stdio::inherit(),
    };
    let mut command = context.engine.command(&words);
    let status = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .status()
        .map_err(io)?;
    if !status.success() {
        return Err(Failure::new(Code::InternalError, "failed to save image(s)"));
    }
    for reference in &references {
        // Without a file, standard output is the archive itself.
        if output.is_some() {
            emit(reference);
        } else {
            log(reference);
        }
    }
    Ok(())
}

/// `image load`: from a file, or from standard input.
pub(crate) fn load(context: &Context<'_>) -> Done {
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let stdin = match context.parsed.value("input") {
        Some(path) if !Path::new(path).exists() => {
            log(&format!("File does not exist {path}"));
            return Err(Failure::Status(1));
        }
        Some(path) => Stdio::from(File::open(path).map_err(io)?),
        None => Stdio::inherit(),
    };
    let mut command = context.engine.command(&["load", "--quiet"]);
    let output = command.stdin(stdin).output().map_err(io)?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(Code::InternalError, complaint).because("failed to load images"));
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let reference = line
            .strip_prefix("Loaded image: ")
            .or(line.strip_prefix("Loaded image(s): "));
        reference.map(emit);
    }
    Ok(())
}
