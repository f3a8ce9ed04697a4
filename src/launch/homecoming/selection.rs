//! Which paths are meant: those that were named, or all.

use anyhow::Context as _;
use bottle_contract::tree::TreePath;

use crate::error::{Error, Result};

/// The paths that a user named. None means all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    paths: Vec<TreePath>,
}

impl Selection {
    /// Reads paths as they were typed, seen from the top of the workspace.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let paths = words.into_iter().map(path).collect::<Result<_>>()?;
        Ok(Self { paths })
    }

    /// Tells whether everything is meant.
    pub fn is_whole(&self) -> bool {
        self.paths.is_empty()
    }

    /// Tells whether a path is meant.
    pub fn holds(&self, path: &TreePath) -> bool {
        self.is_whole() || self.above(path).next().is_some()
    }

    /// Returns the named paths that are this one, or a folder above it.
    pub(super) fn above<'a>(&'a self, path: &'a TreePath) -> impl Iterator<Item = &'a TreePath> {
        let above = |named: &&TreePath| path.is_within(named.as_bytes());
        self.paths.iter().filter(above)
    }

    /// Returns the named paths that none of these is at or below: most likely they are misspelt.
    pub fn unmet<'a>(&'a self, paths: &'a [&'a TreePath]) -> impl Iterator<Item = &'a TreePath> {
        let met = |named: &TreePath| paths.iter().any(|path| path.is_within(named.as_bytes()));
        self.paths.iter().filter(move |named| !met(named))
    }
}

fn path(word: &str) -> Result<TreePath> {
    let trimmed = word.strip_prefix("./").unwrap_or(word);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    // What `bottle diff` shows can be typed, also where it is escaped.
    serde_json::from_value(serde_json::Value::String(trimmed.to_owned()))
        .or_else(|_| TreePath::new(trimmed))
        .with_context(|| format!("`{word}` is no path in a workspace"))
        .map_err(|error| Error::usage(error).hint("give it as `bottle diff --name-only` shows it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_holds_what_is_below_it() {
        let path = |text: &str| TreePath::new(text).unwrap();
        let some = Selection::new(["./src/", "a%0Ab", "odd%"]).unwrap();
        for (name, expected) in [
            ("src", true),
            ("src/a.rs", true),
            ("srcs", false),
            ("a\nb", true),
            ("odd%", true),
            ("other", false),
        ] {
            assert_eq!(some.holds(&path(name)), expected, "{name}");
        }
        assert!(Selection::default().holds(&path("other")));
        let unmet: Vec<String> = some
            .unmet(&[&path("src/a.rs"), &path("odd%")])
            .map(ToString::to_string)
            .collect();
        assert_eq!(unmet, ["a%0Ab"]);
        for wrong in ["", "/etc", "../x", "a/../../x"] {
            assert!(Selection::new([wrong]).is_err(), "{wrong}");
        }
    }
}
