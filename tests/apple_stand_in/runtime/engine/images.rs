//! The engine's images.

use serde_json::Value;

use super::cli::Engine;
use crate::runtime::failure::Failure;

/// An image on the engine.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The engine's id, with `sha256:`.
    pub(crate) id: String,
    /// The tags, as the engine shows them.
    pub(crate) tags: Vec<String>,
    /// The engine's inspection.
    pub(crate) item: Value,
}

impl Image {
    fn read(item: Value) -> Option<Self> {
        let id = item.get("Id")?.as_str()?;
        let id = if id.starts_with("sha256:") {
            id.to_owned()
        } else {
            format!("sha256:{id}")
        };
        let tags = strings(item.get("RepoTags"));
        Some(Self { id, tags, item })
    }

    /// Returns a list of texts of the image's configuration, such as `Env`.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        strings(self.item.get("Config").and_then(|config| config.get(key)))
    }

    /// Returns a text of the image's configuration, such as `User`, unless it is empty.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let value = self.item.get("Config")?.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Returns the processor architecture.
    pub(crate) fn architecture(&self) -> String {
        let architecture = self.item.get("Architecture").and_then(Value::as_str);
        architecture.unwrap_or("amd64").to_owned()
    }
}

fn strings(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Finds one image by a reference.
pub(crate) fn find_image(engine: Engine, reference: &str) -> Result<Option<Image>, Failure> {
    Ok(inspect_images(engine, &[reference.to_owned()])?
        .into_iter()
        .next())
}

/// Inspects images by references or ids; what is missing is left out.
pub(crate) fn inspect_images(engine: Engine, references: &[String]) -> Result<Vec<Image>, Failure> {
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let mut words = vec!["image", "inspect"];
    words.extend(references.iter().map(String::as_str));
    let items = engine.ask(&words)?.items();
    Ok(items.into_iter().filter_map(Image::read).collect())
}
