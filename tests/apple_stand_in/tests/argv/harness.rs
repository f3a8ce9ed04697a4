//! Judging a command line on a machine that does not change.

use apple_stand_in::argv::{Outcome, Service, Surroundings, parse_in};
use apple_stand_in::version::Version;

/// The versions with a grammar of their own.
pub(crate) const GRAMMARS: [Version; 3] = [Version::V1_0_0, Version::V1_1_0, Version::V1_2_2];

/// A machine with one folder to build from, and nothing else.
pub(crate) struct Fixed;

impl Surroundings for Fixed {
    fn exists(&self, path: &str) -> bool {
        [
            "/ctx",
            "/ctx/Dockerfile",
            "/bare",
            "/pod",
            "/pod/Containerfile",
        ]
        .contains(&path)
    }

    fn is_set(&self, variable: &str) -> bool {
        variable == "TOKEN"
    }
}

/// Splits a line at its spaces; `''` is an empty word.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .map(|word| word.replace("''", ""))
        .collect()
}

/// Judges a line by a version.
pub(crate) fn judge(version: Version, line: &str) -> Outcome {
    parse_in(version, &words(line), &Fixed, Service::Up)
}

/// Checks the verdict of one version.
#[track_caller]
pub(crate) fn check(version: Version, line: &str, expected: &str) {
    let (verdict, message) = match judge(version, line) {
        Outcome::Accepted(_) => ("ok".to_owned(), String::new()),
        Outcome::Help { message } => ("help".to_owned(), message),
        Outcome::Refused { exit, message } => (exit.to_string(), message),
    };
    let (wanted, text) = expected.split_once(' ').unwrap_or((expected, ""));
    let place = format!("{}: `{line}`: {message}", version.as_str());
    assert_eq!(verdict, wanted, "{place}");
    if !text.is_empty() {
        let first = message.lines().next().unwrap_or_default();
        assert_eq!(first, format!("Error: {text}"), "{place}");
    }
}

/// Checks a table by every version.
#[track_caller]
pub(crate) fn check_all(table: &[(&str, &str)]) {
    for version in GRAMMARS {
        for (line, expected) in table {
            check(version, line, expected);
        }
    }
}
