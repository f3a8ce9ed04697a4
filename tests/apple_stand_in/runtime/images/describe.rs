//! An image as JSON (§3.4).

use serde_json::{Value, json};

use crate::runtime::engine::Image;
use crate::runtime::time::seconds;

/// Describes the index of an image. The engines keep none, so the configuration stands for it.
pub(crate) fn descriptor(image: &Image) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": image.id,
        "size": 1034,
    })
}

/// Describes an image under one of its references.
pub(crate) fn described(image: &Image, reference: &str) -> Value {
    let created = image.item.get("Created").and_then(Value::as_str);
    let created = created.map_or_else(|| seconds(""), seconds);
    let platform = {
        let mut platform = json!({"os": "linux", "architecture": image.architecture()});
        copy(&image.item, "Variant", &mut platform, "variant");
        platform
    };
    json!({
        "id": image.id.trim_start_matches("sha256:"),
        "configuration": {
            "creationDate": created,
            "name": reference,
            "descriptor": descriptor(image),
        },
        "variants": [{
            "platform": platform,
            "digest": image.id,
            "size": image.item.get("Size"),
            "config": configuration(image, &created),
        }],
    })
}

/// Apple's types know these fields of the configuration and no others: no `OnBuild`, for one.
const FIELDS: [&str; 7] = [
    "User",
    "Env",
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Labels",
    "StopSignal",
];

fn configuration(image: &Image, created: &str) -> Value {
    let mut inner = json!({});
    let config = image.item.get("Config").cloned().unwrap_or_default();
    for field in FIELDS {
        copy(&config, field, &mut inner, field);
    }
    let layers = image
        .item
        .pointer("/RootFS/Layers")
        .cloned()
        .unwrap_or(json!([]));
    let mut configuration = json!({
        "created": created,
        "architecture": image.architecture(),
        "os": "linux",
        "config": inner,
        "rootfs": {"type": "layers", "diff_ids": layers},
    });
    copy(&image.item, "Author", &mut configuration, "author");
    copy(&image.item, "Variant", &mut configuration, "variant");
    configuration
}

/// Copies a field unless it is empty: the engines show what is absent as empty.
fn copy(from: &Value, key: &str, to: &mut Value, new: &str) {
    let value = from.get(key).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    });
    if let (Some(value), Some(map)) = (value, to.as_object_mut()) {
        map.insert(new.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_fields_are_shown() {
        let image = Image {
            id: "sha256:ab".to_owned(),
            tags: Vec::new(),
            item: json!({
                "Created": "2026-07-15T19:02:11.5Z", "Architecture": "amd64", "Size": 7,
                "Config": {"User": "", "Env": ["A=1"], "OnBuild": ["RUN x"], "Cmd": null},
            }),
        };
        let shown = described(&image, "a:1");
        assert_eq!(shown["id"], "ab");
        assert_eq!(
            shown["configuration"]["creationDate"],
            "2026-07-15T19:02:11Z"
        );
        assert_eq!(
            shown["variants"][0]["config"]["config"],
            json!({"Env": ["A=1"]})
        );
    }
}
