//! An image's archive (OCI image layout, as a tar stream): for what an engine's description leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The size of the largest blob that may be a description; layers are larger, or not JSON.
const BLOB_BYTES: u64 = 1024 * 1024;
/// How many bytes of descriptions are kept at most.
const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// How deep an index may hold another one.
const DEPTH: u32 = 4;

/// Reads the build steps that an image brings into every build on top of it (`ONBUILD`).
///
/// Fails when the archive describes no image at all: then nothing is known about its steps.
pub(super) fn on_build(tar: &mut dyn Read) -> io::Result<Vec<String>> {
    let kept = keep(tar)?;
    let index: Index = parse(&kept, "index.json")?;
    let mut found = Found::default();
    walk(&kept, &index, DEPTH, &mut found)?;
    if found.images == 0 {
        return Err(io::Error::other("the archive describes no image"));
    }
    Ok(found.steps)
}

#[derive(Debug, Default)]
struct Found {
    images: usize,
    steps: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    /// Of a manifest only.
    #[serde(default)]
    config: Option<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
}

/// What may be a description, by its path, and the paths of what was too large for one.
#[derive(Debug, Default)]
struct Kept {
    descriptions: BTreeMap<String, Vec<u8>>,
    large: BTreeSet<String>,
}

/// Reads to the end, and keeps what may be a description.
fn keep(tar: &mut dyn Read) -> io::Result<Kept> {
    let mut kept = Kept::default();
    let mut bytes = 0;
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").to_owned();
        if entry.size() > BLOB_BYTES {
            kept.large.insert(path);
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if content.trim_ascii_start().starts_with(b"{") {
            bytes += content.len();
            if bytes > KEPT_BYTES {
                return Err(io::Error::other("the archive holds too many descriptions"));
            }
            kept.descriptions.insert(path, content);
        }
    }
    Ok(kept)
}

/// An index may name what is not in the archive: other platforms' manifests.
fn walk(kept: &Kept, index: &Index, depth: u32, found: &mut Found) -> io::Result<()> {
    if let Some(config) = &index.config {
        let document: Value = parse(kept, &blob(config)?)?;
        found.images += 1;
        for settings in named(&document, "config") {
            for steps in named(settings, "OnBuild") {
                found.steps.extend(steps_in(steps));
            }
        }
    }
    if depth == 0 {
        return Err(io::Error::other(
            "the archive's indexes are nested too deep",
        ));
    }
    for descriptor in &index.manifests {
        let path = blob(descriptor)?;
        if kept.descriptions.contains_key(&path) || kept.large.contains(&path) {
            walk(kept, &parse(kept, &path)?, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Finds the values of a key as a builder does, which is written in Go: whatever the letters' case.
fn named<'a>(object: &'a Value, key: &str) -> Vec<&'a Value> {
    let pairs = object.as_object().into_iter().flatten();
    pairs
        .filter(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value)
        .collect()
}

/// Whatever stands there that is not nothing is a step.
fn steps_in(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(steps) => steps
            .iter()
            .map(|step| {
                step.as_str()
                    .map_or_else(|| step.to_string(), str::to_owned)
            })
            .collect(),
        other => vec![other.to_string()],
    }
}

fn blob(descriptor: &Descriptor) -> io::Result<String> {
    let (algorithm, hex) = descriptor
        .digest
        .split_once(':')
        .ok_or_else(|| io::Error::other("the archive names a digest without an algorithm"))?;
    Ok(format!("blobs/{algorithm}/{hex}"))
}

fn parse<T: DeserializeOwned>(kept: &Kept, path: &str) -> io::Result<T> {
    if kept.large.contains(path) {
        let large = format!("`{path}` in the archive is too large for a description");
        return Err(io::Error::other(large));
    }
    let bytes = kept
        .descriptions
        .get(path)
        .ok_or_else(|| io::Error::other(format!("the archive holds no `{path}`")))?;
    serde_json::from_slice(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn layout(config: &str) -> Vec<u8> {
        archive(&[
            ("blobs/sha256/c", config),
            ("blobs/sha256/layer", "not a description"),
            ("blobs/sha256/m", r#"{"config":{"digest":"sha256:c"}}"#),
            (
                "blobs/sha256/i",
                r#"{"manifests":[{"digest":"sha256:m"},{"digest":"sha256:another-platforms"}]}"#,
            ),
            ("./index.json", r#"{"manifests":[{"digest":"sha256:i"}]}"#),
        ])
    }

    #[test]
    fn the_steps_are_found_through_indexes_and_manifests() {
        let with = layout(r#"{"config":{"OnBuild":["RUN evil","COPY . /"]}}"#);
        assert_eq!(
            on_build(&mut with.as_slice()).unwrap(),
            ["RUN evil", "COPY . /"]
        );
        for spelled in [
            r#"{"config":{"onbuild":["RUN evil"]}}"#,
            r#"{"CONFIG":{"ONBUILD":["RUN evil"]}}"#,
            r#"{"config":{"OnBuild":null,"onBuild":["RUN evil"]}}"#,
            r#"{"config":{"OnBuild":"RUN evil"}}"#,
        ] {
            let found = on_build(&mut layout(spelled).as_slice()).unwrap();
            assert_eq!(found.len(), 1, "{spelled}");
        }
        for none in [r#"{"config":{}}"#, r#"{"config":{"OnBuild":null}}"#, "{}"] {
            assert!(on_build(&mut layout(none).as_slice()).unwrap().is_empty());
        }
    }

    #[test]
    fn a_description_that_is_too_large_is_not_left_out() {
        let large = format!(
            r#"{{"config":{{"digest":"sha256:c"}},"annotations":{{"a":"{}"}}}}"#,
            "x".repeat(1 << 20)
        );
        let with = |manifest: &str| {
            archive(&[
                ("blobs/sha256/c", "{}"),
                ("blobs/sha256/m", manifest),
                ("blobs/sha256/small", r#"{"config":{"digest":"sha256:c"}}"#),
                (
                    "index.json",
                    r#"{"manifests":[{"digest":"sha256:small"},{"digest":"sha256:m"}]}"#,
                ),
            ])
        };
        let error = on_build(&mut with(&large).as_slice()).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
        let small = r#"{"config":{"digest":"sha256:c"}}"#;
        assert!(on_build(&mut with(small).as_slice()).is_ok());
    }

    #[test]
    fn an_archive_that_describes_nothing_proves_nothing() {
        for bad in [
            archive(&[]),
            archive(&[("index.json", r#"{"manifests":[]}"#)]),
            archive(&[("index.json", r#"{"manifests":[{"digest":"sha256:gone"}]}"#)]),
            archive(&[
                ("index.json", r#"{"manifests":[{"digest":"sha256:m"}]}"#),
                ("blobs/sha256/m", r#"{"config":{"digest":"sha256:gone"}}"#),
            ]),
            archive(&[
                ("index.json", r#"{"manifests":[{"digest":"sha256:i"}]}"#),
                ("blobs/sha256/i", r#"{"manifests":[{"digest":"sha256:i"}]}"#),
            ]),
        ] {
            assert!(on_build(&mut bad.as_slice()).is_err());
        }
    }
}
