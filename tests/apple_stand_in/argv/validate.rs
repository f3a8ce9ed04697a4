//! What a command checks once its arguments are read.

use super::grammar::{Command, Rule, Validation};
use super::lenient::Found;
use super::reference::is_reference;
use super::refusal::Refusal;
use super::surroundings::Surroundings;
use super::value::whole;

/// The options that `--no-dns` excludes.
const DNS: [&str; 4] = ["dns", "dns-domain", "dns-option", "dns-search"];

/// Runs the check of a group of options: it comes before the required arguments are looked for.
pub(crate) fn group(command: &Command, found: &Found<'_>) -> Result<(), Refusal> {
    match command.validate {
        Some(Validation {
            rule: Rule::NoDnsExcludesDnsFlags,
            ..
        }) => no_dns(found),
        Some(_) | None => Ok(()),
    }
}

/// Runs the check of the command itself.
pub(crate) fn command(
    command: &Command,
    found: &Found<'_>,
    surroundings: &dyn Surroundings,
) -> Result<(), Refusal> {
    let Some(Validation { rule, exit }) = command.validate else {
        return Ok(());
    };
    let failure = |what: String| Refusal::Failure { what, exit };
    match rule {
        Rule::IdsXorAll => ids_xor_all(command, found).map_err(failure),
        Rule::LastDuration => last_duration(found).map_err(failure),
        Rule::BuildContextDockerfileTagSecretSsh => {
            build(found, surroundings).map_err(Refusal::Validation)
        }
        Rule::NoDnsExcludesDnsFlags => Ok(()),
    }
}

fn no_dns(found: &Found<'_>) -> Result<(), Refusal> {
    if found.gives("no-dns") && DNS.iter().any(|key| found.gives(key)) {
        let what = "`--no-dns` cannot be used with DNS configuration flags \
            (`--dns`, `--dns-domain`, `--dns-option`, `--dns-search`)";
        return Err(Refusal::Validation(what.to_owned()));
    }
    Ok(())
}

/// Checks that there are either names or `--all`.
fn ids_xor_all(command: &Command, found: &Found<'_>) -> Result<(), String> {
    let all = found.gives("all");
    let named = command
        .arguments
        .iter()
        .any(|argument| argument.names.is_empty() && found.has(argument));
    let (things, named_things) = match command.words() {
        "delete" => ("containers", "container ID(s)"),
        "image delete" => ("images", "images"),
        "network delete" => ("networks", "network name(s)"),
        "volume delete" => ("volumes", "volume name(s)"),
        _ => ("containers", "container IDs"),
    };
    match (named, all) {
        (false, false) => Err(format!("no {things} specified and --all not supplied")),
        (true, true) => Err(format!(
            "explicitly supplied {named_things} conflict with the --all flag"
        )),
        (true, false) | (false, true) => Ok(()),
    }
}

/// Checks the duration of `system logs --last`, which does not matter to one who follows.
fn last_duration(found: &Found<'_>) -> Result<(), String> {
    let last = found.all("last").last().unwrap_or("5m");
    let positive = |text: &str| whole(text).is_some_and(|n| n > 0 && n <= i64::MAX.into());
    let number = last.strip_suffix(['m', 'h', 'd']).unwrap_or(last);
    if found.gives("follow") || positive(number) {
        return Ok(());
    }
    Err(format!(
        "invalid --last value '{last}': expected a positive integer (seconds) or a value with \
         suffix m, h, or d (e.g. 30, 5m, 1h, 2d)"
    ))
}

/// Checks what `build` needs before it starts.
fn build(found: &Found<'_>, surroundings: &dyn Surroundings) -> Result<(), String> {
    let context = found.all("context-dir").last().unwrap_or(".");
    if !surroundings.exists(context) {
        return Err(format!("context dir does not exist {context}"));
    }
    if let Some(tag) = found.all("tag").find(|tag| !is_reference(tag)) {
        return Err(format!("invalid reference {tag}"));
    }
    dockerfile(found.all("file").last(), context, surroundings)?;
    for one in found.all("secret") {
        secret(one, surroundings)?;
    }
    ssh(found.all("ssh").last(), surroundings)
}

fn dockerfile(
    file: Option<&str>,
    context: &str,
    surroundings: &dyn Surroundings,
) -> Result<(), String> {
    let inside = |name: &str| surroundings.exists(&format!("{context}/{name}"));
    match file {
        // It comes on standard input, or is the current folder, which exists.
        Some("-" | "") => Ok(()),
        Some(file) if surroundings.exists(file) => Ok(()),
        Some(file) => Err(format!("dockerfile does not exist {file}")),
        None if inside("Dockerfile") || inside("Containerfile") => Ok(()),
        None => Err("dockerfile not found in context dir".to_owned()),
    }
}

/// Checks `id=KEY[,env=VARIABLE|,src=PATH]`.
fn secret(text: &str, surroundings: &dyn Surroundings) -> Result<(), String> {
    let (id, source) = match text.split_once(',') {
        Some((id, source)) => (id, Some(source)),
        None => (text, None),
    };
    let Some(key) = id.strip_prefix("id=") else {
        return Err(format!("secret must start with id=<key> {text}"));
    };
    if key.contains('=') {
        return Err(format!("secret id cannot contain '=' {key}"));
    }
    let variable = match source {
        None => key,
        Some(source) if source.starts_with("src=") => return Ok(()),
        Some(source) => source
            .strip_prefix("env=")
            .ok_or_else(|| format!("secret bad value {source}"))?,
    };
    if surroundings.is_set(variable) {
        Ok(())
    } else {
        Err(format!("secret env var doesn't exist {variable}"))
    }
}

fn ssh(agent: Option<&str>, surroundings: &dyn Surroundings) -> Result<(), String> {
    match agent {
        None | Some("") => Ok(()),
        Some("default") if surroundings.is_set("SSH_AUTH_SOCK") => Ok(()),
        Some("default") => Err("--ssh default requires SSH_AUTH_SOCK to be set".to_owned()),
        Some(_) => Err("only --ssh default is currently supported".to_owned()),
    }
}
