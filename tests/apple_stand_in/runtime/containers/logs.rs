//! `logs`: standard output and standard error in one, since the last start (§2.2).

use std::process::Stdio;

use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::find_container;
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::{emit, raw};

/// `logs`.
pub(crate) fn logs(context: &Context<'_>) -> Done {
    let id = context.word("container-id")?;
    context.refuse_options(&["boot"])?;
    let real = builder::real_id(context, id);
    let container = find_container(context.engine, &real)?
        .filter(|container| container.configuration.is_some())
        .ok_or_else(|| missing(id))?;
    if container.started.is_none() {
        return Ok(());
    }
    // The file is truncated at each start; the engines keep all and are asked since then.
    let since = context.state.read(&super::start::since_file(&real));
    let mut words = vec!["logs"];
    words.extend(since.iter().flat_map(|since| ["--since", since.as_str()]));
    if context.parsed.flag("follow") {
        words.extend(["--follow", &real]);
        return followed(context, &words);
    }
    words.push(&real);
    let text = captured(context, &words)?;
    let count = context
        .parsed
        .value("n")
        .and_then(|count| count.parse::<usize>().ok());
    if let Some(count) = count {
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let skipped = lines.len().saturating_sub(count);
        emit(
            &lines
                .into_iter()
                .skip(skipped)
                .collect::<Vec<_>>()
                .join("\n"),
        );
    } else {
        let text = text.trim_matches('\n');
        raw(format!("{text}\n").as_bytes());
    }
    Ok(())
}

fn missing(id: &str) -> Failure {
    Failure::missing(format!("container with ID {id} not found"))
        .because("failed to open container logs")
        .because(format!("failed to get logs for container {id}"))
}

/// Reads both streams of the engine through one pipe, so that their order is kept.
fn captured(context: &Context<'_>, words: &[&str]) -> Result<String, Failure> {
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let (mut reader, writer) = std::io::pipe().map_err(io)?;
    let mut command = context.engine.command(words);
    command.stdin(Stdio::null());
    command
        .stdout(writer.try_clone().map_err(io)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(io)?;
    // The command holds the writing end, too.
    drop(command);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut bytes).map_err(io)?;
    child.wait().map_err(io)?;
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(
            Code::InternalError,
            "failed to convert container logs to utf8",
        )
    })
}

/// Follows until a signal ends it: the end of the container does not (§2.2).
fn followed(context: &Context<'_>, words: &[&str]) -> Done {
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let out = std::io::stdout();
    let out = std::os::fd::AsFd::as_fd(&out)
        .try_clone_to_owned()
        .map_err(io)?;
    let mut command = context.engine.command(words);
    command.stdin(Stdio::null()).stderr(out);
    command.status().map_err(io)?;
    loop {
        std::thread::park();
    }
}
