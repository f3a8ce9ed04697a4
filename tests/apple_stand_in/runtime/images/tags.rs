//! `image pull`, `image tag`, `image delete` and `image prune`.

use super::find::{lookup, remember};
use crate::runtime::context::{Context, ids_or_all};
use crate::runtime::engine::Kind;
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::emit;
use crate::runtime::spec::{Reference, displayed, normalised};

/// `image pull`: nothing on standard output.
pub(crate) fn pull(context: &Context<'_>) -> Done {
    let reference = context.word("reference")?;
    normalised(reference)?;
    if lookup(context, reference)?.is_some() {
        return Ok(());
    }
    fetch(context, reference)
}

/// Fetches an image from a registry.
///
/// Only a registry on this machine is asked, or any with `APPLE_STAND_IN_PULL=1`: what tests fetch
/// must not depend on the world outside.
pub(super) fn fetch(context: &Context<'_>, reference: &str) -> Done {
    let full = normalised(reference)?;
    let registry = Reference::parse(&full)?.registry.unwrap_or_default();
    let host = registry.split(':').next().unwrap_or_default();
    let here = registry.contains(':') && matches!(host, "localhost" | "127.0.0.1");
    let allowed = std::env::var("APPLE_STAND_IN_PULL").is_ok_and(|value| value == "1");
    if !here && !allowed {
        return Err(Failure::missing(format!(
            "image {full} is not there, and the stand-in fetches from this machine's registries \
             only"
        )));
    }
    let answer = context.engine.ask(&["pull", "--quiet", &full])?;
    if answer.status == 0 {
        return Ok(());
    }
    Err(Failure::new(Code::InternalError, answer.complaint()).because("failed to pull image"))
}

/// `image tag`: stores the full form, and prints what was given.
pub(crate) fn tag(context: &Context<'_>) -> Done {
    let (source, target) = (context.word("source")?, context.word("target")?);
    let full = normalised(target)?;
    let (image, _) = lookup(context, source)?
        .ok_or_else(|| Failure::missing(format!("image not found: {source}")))?;
    context.engine.ask(&["tag", &image.id, &full])?.success()?;
    remember(context, &[displayed(&full), target.to_owned()], &[])?;
    emit(target);
    Ok(())
}

/// `image delete`: an image in use is deleted all the same (§2.3).
pub(crate) fn delete(context: &Context<'_>) -> Done {
    ids_or_all(context, "images", ["images", "image reference(s)"])?;
    if context.parsed.flag("all") {
        return Err(Failure::lacking(
            "`image delete --all`: the engine is not its own",
        ));
    }
    let mut failed = Vec::new();
    for reference in context.ids("images") {
        match lookup(context, &reference)? {
            Some((_, stored)) => {
                remove(context, &stored)?;
                emit(&reference);
            }
            None if context.parsed.flag("force") => {}
            None => failed.push(reference),
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("failed to delete one or more images: {failed:?}");
    Err(Failure::new(Code::InternalError, message))
}

fn remove(context: &Context<'_>, stored: &str) -> Done {
    match context.engine.kind {
        Kind::Docker => {
            context.engine.ask(&["rmi", "--force", stored])?.success()?;
        }
        Kind::Podman => {
            // podman's forced removal would take the image's containers with it; what another name
            // or a container needs stays.
            let id = context
                .engine
                .ask(&["image", "inspect", "--format={{.Id}}", stored])?;
            context.engine.ask(&["untag", stored])?.success()?;
            context.engine.ask(&["rmi", id.success()?.trim()])?;
        }
    }
    remember(context, &[stored.to_owned()], &[])
}

/// `image prune`: what is left without a tag may be somebody else's.
pub(crate) fn prune() -> Done {
    Err(Failure::lacking("`image prune`: the engine is not its own"))
}
