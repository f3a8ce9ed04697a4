//! `bottle schema`, against the manifests that people are shown.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::world::World;

fn schema(kind: &str) -> Value {
    let ran = World::new().bottle(&["schema", kind]).ends_with(0);
    assert_eq!(ran.err(), "");
    ran.json()
}

/// The paths of the keys that the schema does not know.
fn unknown(root: &Value, schema: &Value, toml: &toml::Value, place: &str) -> Vec<String> {
    match toml {
        toml::Value::Table(table) => table
            .iter()
            .flat_map(|(key, value)| {
                let place = format!("{place}.{key}");
                let known = choices(root, schema);
                let mut found = known.iter().filter_map(|schema| property(schema, key));
                match found.next() {
                    Some(schema) => unknown(root, schema, value, &place),
                    None => vec![place],
                }
            })
            .collect(),
        toml::Value::Array(items) => {
            let known = choices(root, schema);
            let Some(schema) = known.iter().find_map(|schema| schema.get("items")) else {
                return vec![format!("{place}[]")];
            };
            let complaints = items.iter().map(|item| unknown(root, schema, item, place));
            complaints.flatten().collect()
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => Vec::new(),
    }
}

/// The schema of a key: its own, or the one for keys of any name.
fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let own = schema.get("properties").and_then(|keys| keys.get(key));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let any = patterns.and_then(|patterns| patterns.values().next());
    own.or(any).or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|any| any.is_object())
    })
}

/// A schema with all that it refers to or lets one choose from.
fn choices<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![schema];
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(path.trim_start_matches('#')).unwrap();
        found.extend(choices(root, target));
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        let parts = schema.get(word).and_then(Value::as_array);
        found.extend(
            parts
                .into_iter()
                .flatten()
                .flat_map(|part| choices(root, part)),
        );
    }
    found
}

#[track_caller]
fn check(kind: &str, text: &str, expected: &[&str]) {
    let schema = schema(kind);
    let toml = toml::Value::Table(text.parse().unwrap());
    assert_eq!(unknown(&schema, &schema, &toml, ""), expected, "{text}");
}

#[test]
fn both_kinds_are_schemas_with_descriptions() {
    for kind in ["agent", "bottle"] {
        let schema = schema(kind);
        assert!(
            schema["$schema"]
                .as_str()
                .is_some_and(|url| url.contains("json-schema.org"))
        );
        let keys = schema["properties"].as_object().unwrap();
        assert_eq!(keys.contains_key("command"), kind == "agent");
        assert_eq!(keys.contains_key("extends"), kind == "bottle");
        for (key, value) in keys {
            let described = value["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert!(described, "{kind}: {key}");
        }
    }
    let plain = World::new().bottle(&["schema"]).ends_with(0).json();
    assert_eq!(plain, schema("agent"));
}

#[test]
fn a_key_that_is_not_in_the_schema_is_found() {
    check(
        "agent",
        "name = \"a\"\n[egress]\nlog = \"none\"\n[env]\nANY = \"x\"\n",
        &[],
    );
    check("agent", "[egres]\nlog = \"none\"\n", &[".egres"]);
    check(
        "agent",
        "[[egress.routes]]\nhots = \"a\"\n",
        &[".egress.routes.hots"],
    );
    check("bottle", "command = [\"x\"]\n", &[".command"]);
}

#[test]
fn every_example_has_keys_of_the_schema_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bottles");
    for (kind, folder) in [
        ("agent", folder.clone()),
        ("bottle", folder.join("built-in")),
    ] {
        let mut files = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                check(kind, &fs::read_to_string(&path).unwrap(), &[]);
                files += 1;
            }
        }
        assert!(files >= 3, "{kind}: {files}");
    }
}

#[test]
fn every_example_of_the_reference_has_keys_of_the_schema_only() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest.md");
    let text = fs::read_to_string(path).unwrap();
    let mut blocks = 0;
    for rest in text.split("```toml ").skip(1) {
        let (kind, rest) = rest.split_once('\n').unwrap();
        check(kind, rest.split_once("\n```").unwrap().0, &[]);
        blocks += 1;
    }
    assert!(blocks > 5, "{blocks}");
}
