//! Finding images by reference (§2.3).

use crate::runtime::context::Context;
use crate::runtime::engine::{Image, find_image};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::spec::{Reference, displayed, normalised};

/// The file that lists what `build` tagged: such names are stored as given.
const BUILT: &str = "built";

/// Adds the tag that a reference leaves out.
fn tagged(reference: &str) -> Result<String, Failure> {
    let parsed = Reference::parse(reference)?;
    let end = if parsed.suffix.is_none() {
        ":latest"
    } else {
        ""
    };
    Ok(format!("{reference}{end}"))
}

fn built(context: &Context<'_>) -> Vec<String> {
    let text = context.state.read(BUILT).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Remembers that `build` stored these names as given, or that they are so no longer.
pub(crate) fn remember(context: &Context<'_>, names: &[String], as_given: &[String]) -> Done {
    let _lock = context.state.lock()?;
    let mut list = built(context);
    list.retain(|name| !names.contains(name));
    list.extend(as_given.iter().cloned());
    context.state.write(BUILT, &list.join("\n")).map(drop)
}

/// Returns the reference under which an engine's tag is stored.
pub(crate) fn stored(context: &Context<'_>, tag: &str) -> String {
    let short = tag.strip_prefix("localhost/").unwrap_or(tag);
    let list = built(context);
    if let Some(name) = list.iter().find(|name| *name == tag || *name == short) {
        return name.clone();
    }
    normalised(tag).unwrap_or_else(|_| tag.to_owned())
}

/// Finds an image as Apple does: the stored reference is the argument as given, or its full form.
/// Returns it with the stored reference.
pub(crate) fn lookup(
    context: &Context<'_>,
    given: &str,
) -> Result<Option<(Image, String)>, Failure> {
    let (as_given, full) = (tagged(given)?, normalised(given)?);
    let Some(image) = find_image(context.engine, given)? else {
        return Ok(None);
    };
    if given.contains('@') {
        return Ok(Some((image, full)));
    }
    // The engine also finds by its own ids, and docker by either form of a name.
    let local = format!("localhost/{as_given}");
    let names = [as_given.clone(), full.clone(), displayed(&full), local];
    let tag = image.tags.iter().find(|tag| names.contains(tag)).cloned();
    let Some(stored) = tag.map(|tag| stored(context, &tag)) else {
        return Ok(None);
    };
    if stored == as_given || stored == full {
        return Ok(Some((image, stored)));
    }
    Ok(None)
}

/// Finds the image of a container, fetched when it is not there, and checks its platform.
pub(crate) fn for_container(
    context: &Context<'_>,
    given: &str,
) -> Result<(Image, String), Failure> {
    let mut found = lookup(context, given)?;
    if found.is_none() {
        super::tags::fetch(context, given)?;
        found = lookup(context, given)?;
    }
    let (image, stored) =
        found.ok_or_else(|| Failure::missing(format!("image not found: {given}")))?;
    match requested(context)? {
        Some(wanted) if wanted != image.architecture() => Err(Failure::new(
            Code::Unsupported,
            format!("image {stored} does not support required platforms: platform linux/{wanted}"),
        )),
        Some(_) | None => Ok((image, stored)),
    }
}

/// Returns the architecture that the command line asks for.
fn requested(context: &Context<'_>) -> Result<Option<String>, Failure> {
    let parsed = context.parsed;
    let variable = std::env::var("CONTAINER_DEFAULT_PLATFORM").ok();
    if let Some(platform) = parsed.value("platform").map(str::to_owned).or(variable) {
        return architecture_of(&platform).map(Some);
    }
    if parsed.value("os").is_some_and(|os| os != "linux") {
        return Err(Failure::new(
            Code::Unsupported,
            "images for another system than linux are not supported",
        ));
    }
    Ok(parsed.value("arch").map(canonical))
}

fn architecture_of(platform: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = platform.split('/').collect();
    match parts.as_slice() {
        ["linux", architecture] | ["linux", architecture, _] => Ok(canonical(architecture)),
        _ => Err(Failure::invalid(format!("invalid platform: {platform}"))),
    }
}

fn canonical(architecture: &str) -> String {
    match architecture {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
    .to_owned()
}

/// Tells whether all of the platforms that `build` is asked for are this machine's own.
pub(crate) fn native(context: &Context<'_>) -> Result<bool, Failure> {
    let own = canonical(std::env::consts::ARCH);
    let parsed = context.parsed;
    let mut all = Vec::new();
    for value in parsed.values("platform") {
        for platform in value.split(',') {
            all.push(architecture_of(platform)?);
        }
    }
    for value in parsed.values("arch") {
        all.extend(value.split(',').map(canonical));
    }
    Ok(all.iter().all(|architecture| *architecture == own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms() {
        assert_eq!(architecture_of("linux/amd64").unwrap(), "amd64");
        assert_eq!(architecture_of("linux/arm64/v8").unwrap(), "arm64");
        assert_eq!(architecture_of("linux/aarch64").unwrap(), "arm64");
        assert!(architecture_of("amd64").is_err());
        assert!(architecture_of("darwin/arm64").is_err());
        assert_eq!(tagged("a/b").unwrap(), "a/b:latest");
        assert_eq!(tagged("h:5/b").unwrap(), "h:5/b:latest");
        assert_eq!(tagged("b:1").unwrap(), "b:1");
    }
}
