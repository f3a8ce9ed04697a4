//! The schema for editors says what the reader accepts, no more and no less.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Fixture, error_of};
use crate::manifest::{Kind, json_schema};

/// The names behind "allowed here" in an error.
fn allowed(error: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once("allowed here: ").unwrap();
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn properties(schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object().unwrap();
    properties.keys().cloned().collect()
}

/// Every key of every table in the schema.
fn all_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| all_keys(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| all_keys(value, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_has_the_keys_that_the_reader_accepts() {
    let agent = json_schema(Kind::Agent);
    assert_eq!(properties(&agent), allowed(&error_of("zzzzzzzz = 1")));
    let bottle = Fixture::new("bottle = \"b\"").bottle("b", "zzzzzzzz = 1");
    assert_eq!(
        properties(&json_schema(Kind::Bottle)),
        allowed(&bottle.error())
    );
    for (table, name) in [
        ("[image]", "ImageTable"),
        ("[workspace]", "WorkspaceTable"),
        ("[resources]", "ResourcesTable"),
        ("[egress]", "EgressTable"),
        ("[[egress.routes]]", "RouteTable"),
        ("[seal]", "SealTable"),
        ("[egress.routes.auth]", "AuthTable"),
    ] {
        let text = match name {
            "AuthTable" => format!("[[egress.routes]]\n{table}\nzzzzzzzz = 1"),
            _ => format!("{table}\nzzzzzzzz = 1"),
        };
        let schema = &agent["$defs"][name];
        assert_eq!(properties(schema), allowed(&error_of(&text)), "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}

#[test]
fn every_key_is_described_for_editors() {
    for kind in [Kind::Agent, Kind::Bottle] {
        let schema = json_schema(kind);
        let tables = schema["$defs"].as_object().unwrap().values();
        for table in tables.chain([&schema]) {
            let keys = table["properties"].as_object().into_iter().flatten();
            for (key, value) in keys {
                assert!(value["description"].is_string(), "{key}: {value}");
            }
        }
    }
}

#[test]
fn what_is_not_supported_yet_is_not_in_the_schema() {
    let mut keys = BTreeSet::new();
    all_keys(&json_schema(Kind::Agent), &mut keys);
    all_keys(&json_schema(Kind::Bottle), &mut keys);
    assert!(keys.contains("host-access") && keys.contains("extends"));
    for later in ["mcp", "skills"] {
        assert!(!keys.contains(later), "{later}");
    }
    // `git` is a key of a route, and not a table.
    assert!(!properties(&json_schema(Kind::Agent)).contains("git"));
}
