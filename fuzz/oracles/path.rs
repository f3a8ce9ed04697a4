//! Targets: never repaired, never ambiguous about dots, and matched as the page of the manifest says.

use bottle_contract::path::{PathPattern, Target};

use crate::Outcome;

/// Reads a target, or a target and a pattern with a space between them.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else {
        return Outcome::Refused;
    };
    let (text, pattern) = match text.split_once(' ') {
        Some((target, pattern)) => (target, Some(pattern)),
        None => (text, None),
    };
    let Ok(target) = text.parse::<Target>() else {
        return Outcome::Refused;
    };
    check_target(text, &target);
    let Some(pattern) = pattern else {
        return Outcome::Accepted;
    };
    let Ok(read) = pattern.parse::<PathPattern>() else {
        return Outcome::Refused;
    };
    assert_eq!(read.to_string(), pattern);
    // The other matcher takes exponential time where there are many stars.
    let stars = pattern.matches('*').count();
    if stars <= 6 && text.len() <= 64 {
        let path: Vec<&str> = target.path()[1..].split('/').collect();
        let wanted: Vec<&str> = pattern[1..].split('/').collect();
        let plain = covers(&wanted, &path);
        assert_eq!(read.matches(&target), plain, "{pattern:?} {text:?}");
    }
    Outcome::Accepted
}

fn check_target(text: &str, target: &Target) {
    assert_eq!(target.as_str(), text);
    let whole = match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    };
    assert_eq!(whole, text);
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    let lower = target.path().to_ascii_lowercase();
    let decoded = lower
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/");
    let dots = decoded.split('/').any(|part| part == "." || part == "..");
    assert!(!dots, "{text:?} has a dot segment");
    let tricks = ["%2f", "%5c", "%2e", "%25", "%3b", "//", ";"];
    assert!(
        target.is_ambiguous() || !tricks.iter().any(|trick| lower.contains(trick)),
        "{text:?} can be read in two ways"
    );
}

/// Segments by the words of the manifest's page: `**` is any number of them.
fn covers(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], []) => covers(rest, path),
        (["**", rest @ ..], [_, tail @ ..]) => covers(rest, path) || covers(pattern, tail),
        ([first, rest @ ..], [head, tail @ ..]) => {
            spells(first.as_bytes(), head.as_bytes()) && covers(rest, tail)
        }
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

/// One segment: `*` is any text in it.
fn spells(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            spells(rest, text)
                || text
                    .split_first()
                    .is_some_and(|(_, tail)| spells(pattern, tail))
        }
        ([first, rest @ ..], [head, tail @ ..]) => first == head && spells(rest, tail),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}
