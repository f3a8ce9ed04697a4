//! Building over the engine's own build.
//!
//! The classic builder of docker is used, since it builds in the network of another container, here
//! the builder: its resolver is what RUN steps get, as on Apple's. What only `BuildKit` can build is
//! built by it, with the engine's resolver.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::dockerfile::Dockerfile;
use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::Kind;
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::images;
use crate::runtime::output::{emit, log};
use crate::runtime::spec::{Reference, container_labels};

/// `build`: only the tags on standard output (§2.3).
pub(crate) fn build(context: &Context<'_>) -> Done {
    let parsed = context.parsed;
    let folder = parsed.word("context-dir").unwrap_or(".");
    let folder = std::fs::canonicalize(folder)
        .ok()
        .filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| {
        let given = parsed.word("context-dir").unwrap_or(".");
        Failure::Validation(format!("context dir does not exist {given}"))
    })?;
    let tags = tags(context)?;
    let dockerfile = Dockerfile::read(context, &folder)?;
    let failed = |failure: Failure| Failure::Wrapped(Box::new(failure));
    container_labels(parsed.values("label")).map_err(failed)?;
    context
        .refuse_options(&["cache-in", "cache-out", "ssh"])
        .map_err(failed)?;
    if !matches!(parsed.value("output").unwrap_or("type=oci"), "type=oci") {
        return Err(Failure::lacking("`build --output` other than `type=oci`"));
    }
    if !images::native(context)? {
        return Err(Failure::lacking("builds for another architecture"));
    }
    builder::ensure(context)?;
    let job = Job {
        context,
        folder,
        file: keep(context, &dockerfile)?,
        buildkit: dockerfile.needs_buildkit() || !parsed.values("secret").is_empty(),
        tags: &tags,
    };
    let done = job.run();
    // What is left of it is rewritten by nobody: its name is new each time.
    drop(std::fs::remove_file(&job.file));
    done?;
    images::remember(context, &tags, &tags)?;
    for tag in &tags {
        emit(tag);
    }
    Ok(())
}

/// The names to give: a reference as it is, with the tag that it leaves out.
fn tags(context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let given = context.parsed.values("tag");
    if given.is_empty() {
        let name = crate::runtime::containers::uuid()?;
        return Ok(vec![format!("{name}:latest")]);
    }
    let tag = |text: &String| {
        let reference = Reference::parse(text)
            .map_err(|_| Failure::Validation(format!("invalid reference {text}")))?;
        let end = if reference.suffix.is_none() {
            ":latest"
        } else {
            ""
        };
        Ok(format!("{text}{end}"))
    };
    given.iter().map(tag).collect()
}

/// Keeps the Dockerfile where the engine reads it.
fn keep(context: &Context<'_>, dockerfile: &Dockerfile) -> Result<PathBuf, Failure> {
    let name = format!("builds/{}", crate::runtime::containers::uuid()?);
    context.state.write(&name, &dockerfile.text)
}

/// A build on the engine.
struct Job<'a> {
    context: &'a Context<'a>,
    folder: PathBuf,
    file: PathBuf,
    buildkit: bool,
    tags: &'a [String],
}

impl Job<'_> {
    fn run(&self) -> Done {
        let io = |error: std::io::Error| Failure::Other(error.to_string());
        let (mut reader, writer) = std::io::pipe().map_err(io)?;
        let mut command = self.command();
        command.stdin(Stdio::null());
        command
            .stdout(writer.try_clone().map_err(io)?)
            .stderr(writer);
        let mut child = command.spawn().map_err(io)?;
        // The command holds the writing end, too.
        drop(command);
        let mut output = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut output).map_err(io)?;
        let status = child.wait().map_err(io)?;
        let output = String::from_utf8_lossy(&output);
        if !self.context.parsed.flag("quiet") {
            log(output.trim_end());
        }
        if status.success() {
            return Ok(());
        }
        let failure = Failure::new(Code::Unknown, reason(&output));
        Err(Failure::Wrapped(Box::new(failure)))
    }

    fn command(&self) -> Command {
        let parsed = self.context.parsed;
        let file = self.file.to_string_lossy();
        let mut words = vec![
            "build".to_owned(),
            format!("--file={file}"),
            // A step that failed would leave its container behind.
            "--force-rm".to_owned(),
        ];
        for (option, word) in [
            ("build-arg", "--build-arg"),
            ("label", "--label"),
            ("secret", "--secret"),
            ("target", "--target"),
        ] {
            let values = parsed.values(option).iter();
            words.extend(values.map(|value| format!("{word}={value}")));
        }
        words.extend(self.tags.iter().map(|tag| format!("--tag={tag}")));
        for (flag, word) in [("no-cache", "--no-cache"), ("pull", "--pull")] {
            if parsed.flag(flag) {
                words.push(word.to_owned());
            }
        }
        words.extend(self.network());
        words.push(self.folder.to_string_lossy().into_owned());
        let mut command = self.context.engine.command(&words);
        command.env("DOCKER_BUILDKIT", if self.buildkit { "1" } else { "0" });
        command.env("BUILDKIT_PROGRESS", "plain");
        command
    }

    /// Lets RUN steps have the builder's resolver.
    fn network(&self) -> Vec<String> {
        match self.context.engine.kind {
            Kind::Docker if self.buildkit => Vec::new(),
            Kind::Docker => vec![format!(
                "--network=container:{}",
                builder::real_name(self.context)
            )],
            Kind::Podman => {
                let found = builder::find(self.context).ok().flatten();
                let configuration = found.and_then(|container| container.configuration);
                let dns = configuration.map_or_else(Vec::new, |it| builder::dns_words(&it));
                // The other format drops `ONBUILD`.
                dns.into_iter()
                    .chain(["--format=docker".to_owned()])
                    .collect()
            }
        }
    }
}

/// Finds in a log why the build failed, and says it as `BuildKit` does.
fn reason(output: &str) -> String {
    let lines = || output.lines().rev().map(str::trim);
    if let Some(line) = lines().find_map(|line| line.split_once("failed to solve: ")) {
        return format!("failed to solve: {}", line.1);
    }
    // docker's classic builder, then podman's.
    for line in lines() {
        let classic = line
            .strip_prefix("The command '")
            .and_then(|rest| rest.split_once("' returned a non-zero code: "));
        let podman = line
            .strip_prefix("Error: building at STEP \"RUN ")
            .and_then(|rest| rest.split_once("\": while running runtime: exit status "));
        let podman = podman.map(|(command, code)| (format!("/bin/sh -c {command}"), code));
        let found = classic
            .map(|(command, code)| (command.to_owned(), code))
            .or(podman);
        if let Some((command, code)) = found {
            return format!(
                "failed to solve: process \"{command}\" did not complete successfully: exit code: \
                 {code}"
            );
        }
    }
    let last = lines().find(|line| !line.is_empty()).unwrap_or_default();
    format!("failed to solve: {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_as_buildkit_does() {
        let expected = "failed to solve: process \"/bin/sh -c exit 3\" did not complete \
                        successfully: exit code: 3";
        for output in [
            "Step 2/2 : RUN exit 3\nThe command '/bin/sh -c exit 3' returned a non-zero code: 3\n",
            "ERROR: failed to solve: process \"/bin/sh -c exit 3\" did not complete successfully: \
             exit code: 3\n",
            "Error: building at STEP \"RUN exit 3\": while running runtime: exit status 3",
        ] {
            assert_eq!(reason(output), expected);
        }
        assert_eq!(
            reason("x\n\npull access denied\n"),
            "failed to solve: pull access denied"
        );
    }
}
