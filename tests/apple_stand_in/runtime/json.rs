//! JSON as Foundation writes it (Apple's §3.0).

use serde_json::Value;

use crate::version::Version;

/// How the slash is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slashes {
    /// `\/`, through 1.3.1.
    Escaped,
    /// `/`, from 1.4.1.
    Plain,
}

impl Slashes {
    /// Returns how a version writes the slash.
    pub(crate) fn of(version: Version) -> Self {
        match version {
            Version::V0_12_3 | Version::V1_0_0 | Version::V1_1_0 | Version::V1_2_2 => Self::Escaped,
            Version::V1_5_0 => Self::Plain,
        }
    }
}

/// Writes a value on one line with sorted keys.
pub(crate) fn compact(value: &Value, slashes: Slashes) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> = sorted(map)
                .into_iter()
                .map(|(key, value)| format!("{}:{}", text(key, slashes), compact(value, slashes)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| compact(item, slashes)).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(string) => text(string, slashes),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Writes a value over several lines: two spaces, ` : `, and an empty line in what is empty.
pub(crate) fn pretty(value: &Value, slashes: Slashes) -> String {
    indented(value, slashes, 0)
}

fn indented(value: &Value, slashes: Slashes, depth: usize) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> = sorted(map)
                .into_iter()
                .map(|(key, value)| {
                    format!(
                        "{} : {}",
                        text(key, slashes),
                        indented(value, slashes, depth + 1)
                    )
                })
                .collect();
            block(('{', '}'), &fields, depth)
        }
        Value::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| indented(item, slashes, depth + 1))
                .collect();
            block(('[', ']'), &items, depth)
        }
        Value::String(string) => text(string, slashes),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn block((open, close): (char, char), items: &[String], depth: usize) -> String {
    let end = "  ".repeat(depth);
    if items.is_empty() {
        return format!("{open}\n\n{end}{close}");
    }
    let inner = "  ".repeat(depth + 1);
    let lines: Vec<String> = items.iter().map(|item| format!("{inner}{item}")).collect();
    format!("{open}\n{}\n{end}{close}", lines.join(",\n"))
}

/// Sorts by key, whatever order the map keeps.
fn sorted(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}

fn text(string: &str, slashes: Slashes) -> String {
    let quoted = Value::from(string).to_string();
    match slashes {
        Slashes::Escaped => quoted.replace('/', "\\/"),
        Slashes::Plain => quoted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nothing_is_null() {
        let value = json!({"b": "x/y", "a": [1, {}], "c": null});
        assert_eq!(
            compact(&value, Slashes::Escaped),
            r#"{"a":[1,{}],"b":"x\/y"}"#
        );
        assert_eq!(compact(&value, Slashes::Plain), r#"{"a":[1,{}],"b":"x/y"}"#);
    }

    #[test]
    fn pretty_is_foundations() {
        let value = json!([{"labels": {}, "capAdd": [], "id": "x"}]);
        let expected = "[\n  {\n    \"capAdd\" : [\n\n    ],\n    \"id\" : \"x\",\n    \"labels\" : {\n\n    }\n  }\n]";
        assert_eq!(pretty(&value, Slashes::Plain), expected);
    }
}
