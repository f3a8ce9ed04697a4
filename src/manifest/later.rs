//! Keys whose feature does not exist yet: refused where they stand, never ignored.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::error::ManifestError;
use super::place::Source;

/// A key, and the value when only that one is refused. `*` stands for every key of a table.
struct Later {
    path: &'static [&'static str],
    value: Option<&'static str>,
}

/// Everything that is refused. A line goes away with the change that makes its feature work.
const LATER: &[Later] = &[
    key(&["git"]),
    key(&["mcp"]),
    key(&["skills"]),
    value(&["dlp", "on-match"], "ask"),
    value(&["egress", "routes", "on-match"], "ask"),
];

const fn key(path: &'static [&'static str]) -> Later {
    Later { path, value: None }
}

const fn value(path: &'static [&'static str], value: &'static str) -> Later {
    Later {
        path,
        value: Some(value),
    }
}

/// Refuses the first of these keys that the file has.
pub(super) fn refuse(source: &Source, table: &DeTable<'_>) -> Result<(), ManifestError> {
    let found = LATER
        .iter()
        .filter_map(|later| find(table, later.path, later.value).map(|span| (span, later)))
        .min_by_key(|(span, _)| span.start);
    let Some((span, later)) = found else {
        return Ok(());
    };
    let key = later.path.join(".");
    let what = match later.value {
        Some(value) => format!("`{key} = \"{value}\"`"),
        None => format!("`{key}`"),
    };
    Err(
        ManifestError::at(source, &span, format!("{what} is not supported yet"))
            .remedy("remove it"),
    )
}

fn find(table: &DeTable<'_>, path: &[&str], wanted: Option<&str>) -> Option<Range<usize>> {
    let (first, rest) = path.split_first()?;
    table
        .iter()
        .filter(|(key, _)| *first == "*" || key.get_ref() == first)
        .find_map(|(key, value)| match wanted {
            _ if !rest.is_empty() => find_in(value.get_ref(), rest, wanted),
            None => Some(key.span()),
            Some(wanted) => (value.get_ref().as_str() == Some(wanted)).then(|| value.span()),
        })
}

fn find_in(value: &DeValue<'_>, path: &[&str], wanted: Option<&str>) -> Option<Range<usize>> {
    if let Some(table) = value.as_table() {
        return find(table, path, wanted);
    }
    value
        .as_array()?
        .iter()
        .find_map(|item| find_in(item.get_ref(), path, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let source = Source {
            shown: "agent.toml".into(),
            folder: "/".into(),
            text: text.to_owned(),
        };
        let table = DeTable::parse(text).unwrap();
        let error = refuse(&source, table.get_ref()).err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn keys_of_later_features_are_refused_where_they_stand() {
        check(
            "skills = []",
            Some("agent.toml:1:1: `skills` is not supported yet; remove it"),
        );
        check(
            "[[egress.routes]]\nhost = \"a.test\"\n[[egress.routes]]\non-match = \"ask\"",
            Some(
                "agent.toml:4:12: `egress.routes.on-match = \"ask\"` is not supported yet; remove it",
            ),
        );
        check(
            "[dlp]\non-match = \"ask\"",
            Some("agent.toml:2:12: `dlp.on-match = \"ask\"` is not supported yet; remove it"),
        );
        check("[dlp]\non-match = \"block\"", None);
        for (table, key) in [("git", "git"), ("mcp", "mcp")] {
            let expected = format!("agent.toml:1:2: `{key}` is not supported yet; remove it");
            check(&format!("[{table}]\n"), Some(&expected));
        }
    }

    #[test]
    fn the_first_in_the_file_is_named_and_the_rest_is_left_alone() {
        check(
            "[mcp]\n[git]\n",
            Some("agent.toml:1:2: `mcp` is not supported yet; remove it"),
        );
        check(
            "[egress]\nlog = \"decisions\"\n[env]\nplaceholder = \"x\"\n[[egress.routes]]\ngit = \"fetch\"",
            None,
        );
    }
}
