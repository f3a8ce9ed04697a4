//! Where something stands in a file, and the text around it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// The widest excerpt of a line, in characters; a longer line is shown from the fault on.
const MAX_EXCERPT: usize = 100;

/// A place in a file: shows as `agent.toml:12:2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    #[serde(serialize_with = "path_as_text")]
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The text of one file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The file, as the user named it.
    pub(super) shown: PathBuf,
    /// The folder that relative paths in the file start from.
    pub(super) folder: PathBuf,
    /// What stands in it.
    pub(super) text: String,
}

impl Source {
    /// Finds the line and column of a byte range's start.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let before = self.before(span);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.shown.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// Joins a value with its place.
    pub(super) fn placed<T>(&self, value: T, span: &Range<usize>) -> Placed<T> {
        Placed {
            value,
            place: self.place(span),
        }
    }

    /// Shows the line with carets under the range.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> String {
        let place = self.place(span);
        let line = self.text.lines().nth(place.line - 1).unwrap_or_default();
        let marked = self.text.get(span.clone()).unwrap_or_default();
        let skipped = if line.chars().count() > MAX_EXCERPT {
            (place.column - 1).saturating_sub(MAX_EXCERPT / 4)
        } else {
            0
        };
        let shown: String = line
            .chars()
            .skip(skipped)
            .take(MAX_EXCERPT)
            .map(plain)
            .collect();
        let indent = place.column - 1 - skipped;
        let width = marked
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            .clamp(1, MAX_EXCERPT.saturating_sub(indent).max(1));
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        format!(
            "{gutter} |\n{number} | {shown}\n{gutter} | {}{}",
            " ".repeat(indent),
            "^".repeat(width)
        )
    }

    /// Resolves a path that stands in this file.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        // `components` drops each `.`; `..` stays, since only the file system knows where links lead.
        self.folder.join(path).components().collect()
    }

    fn before(&self, span: &Range<usize>) -> &str {
        let mut end = span.start.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(..end).unwrap_or_default()
    }
}

/// Keeps a file that somebody else wrote from steering the terminal, one column for each character.
fn plain(character: char) -> char {
    match character {
        '\t' => ' ',
        other if is_printable(other) => other,
        _ => '\u{fffd}',
    }
}

/// Tells whether a character may be shown as it is: no control character, and none that reorders text.
fn is_printable(character: char) -> bool {
    character == '\'' || character == '"' || character == '\\' || {
        let mut escaped = character.escape_debug();
        escaped.next() == Some(character) && escaped.next().is_none()
    }
}

/// Shows text from a file with everything escaped that could steer a terminal or reorder a line.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, character| {
        if is_printable(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
        shown
    })
}

/// Serialises a path as text; bytes that are not UTF-8 are replaced instead of failing the whole output.
pub(super) fn path_as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Serialises a list of paths as text.
pub(super) fn paths_as_text<S: Serializer>(
    paths: &[PathBuf],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            shown: "a.toml".into(),
            folder: "/home".into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_place_counts_lines_and_characters() {
        let source = source("ä = 1\nbb = \"ü\" # x\n");
        let at = |needle: &str| {
            let start = source.text.find(needle).unwrap();
            source.place(&(start..start + 1)).to_string()
        };
        assert_eq!(at("ä"), "a.toml:1:1");
        assert_eq!(at("= 1"), "a.toml:1:3");
        assert_eq!(at("# x"), "a.toml:2:10");
        assert_eq!(source.place(&(999..1000)).to_string(), "a.toml:3:1");
    }

    #[test]
    fn an_excerpt_marks_the_range_and_stays_plain() {
        let source = source("x = 1\n[egres]\ny = '\u{202e}\u{7}'\n");
        assert_eq!(source.excerpt(&(7..12)), "  |\n2 | [egres]\n  |  ^^^^^");
        let start = source.text.find('y').unwrap();
        assert_eq!(
            source.excerpt(&(start..start + 1)),
            "  |\n3 | y = '\u{fffd}\u{fffd}'\n  | ^"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let source = source(&format!("{}here{}", "a".repeat(500), "b".repeat(500)));
        let excerpt = source.excerpt(&(500..504));
        let lines: Vec<&str> = excerpt.lines().collect();
        assert!(lines[1].chars().count() <= MAX_EXCERPT + 4, "{excerpt}");
        assert_eq!(lines[1].find("here"), lines[2].find("^^^^"));
    }

    #[test]
    fn text_from_a_file_cannot_steer_a_terminal() {
        assert_eq!(escaped("it's \"ok\" ü"), "it's \"ok\" ü");
        assert_eq!(escaped("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn a_path_starts_from_the_folder_of_its_file() {
        let source = source("");
        assert_eq!(source.resolve(Path::new(".")), Path::new("/home"));
        assert_eq!(source.resolve(Path::new("./a")), Path::new("/home/a"));
        assert_eq!(source.resolve(Path::new("/etc")), Path::new("/etc"));
    }
}
