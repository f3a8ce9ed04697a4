//! `image list` and `image inspect`.

use serde_json::Value;

use super::describe::described;
use super::find::{lookup, stored};
use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::inspect_images;
use crate::runtime::failure::{Done, Failure};
use crate::runtime::spec::displayed;

/// `image list`: sorted by reference, without the builder's own.
pub(crate) fn list(context: &Context<'_>) -> Done {
    let parsed = context.parsed;
    if parsed.flag("quiet") && parsed.flag("verbose") {
        return Err(Failure::invalid(
            "cannot use flag --quiet and --verbose together",
        ));
    }
    let ids = context
        .engine
        .ask(&["image", "ls", "--quiet", "--no-trunc"])?
        .success()?;
    let mut ids: Vec<String> = ids.lines().map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut items = Vec::new();
    for image in inspect_images(context.engine, &ids)? {
        for tag in image
            .tags
            .iter()
            .filter(|tag| !tag.contains(builder::IMAGE))
        {
            items.push(described(&image, &stored(context, tag)));
        }
    }
    items.sort_by_key(name);
    context.print_list(&items, &["NAME", "TAG", "DIGEST"], row)
}

fn name(item: &Value) -> String {
    let name = item.pointer("/configuration/name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

fn row(item: &Value) -> Vec<String> {
    let shown = displayed(&name(item));
    let (front, tag) = shown.rsplit_once(':').unwrap_or((&shown, "latest"));
    let digest = item.get("id").and_then(Value::as_str).unwrap_or_default();
    let digest: String = digest.chars().take(24).collect();
    vec![front.to_owned(), tag.to_owned(), format!("{digest}...")]
}

/// `image inspect`.
pub(crate) fn inspect(context: &Context<'_>) -> Done {
    let mut items = Vec::new();
    let mut missing = Vec::new();
    for reference in context.ids("images") {
        match lookup(context, &reference)? {
            Some((image, stored)) => items.push(described(&image, &stored)),
            None => missing.push(reference),
        }
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Failure::missing(format!("image not found: {missing}")));
    }
    context.print_inspection(items);
    Ok(())
}
