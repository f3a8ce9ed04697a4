//! Targets as they may stand in a log: without the values of the query.

use bottle_contract::path::Target;

/// What stands in the place of a query's value.
pub const MASK: &str = "***";

/// Returns the path and the query with each of its values masked.
pub fn masked(target: &Target) -> String {
    let Some(query) = target.query() else {
        return target.path().to_owned();
    };
    let pairs: Vec<String> = query.split('&').map(masked_pair).collect();
    format!("{}?{}", target.path(), pairs.join("&"))
}

fn masked_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={MASK}"),
        None if pair.is_empty() => String::new(),
        // Without a `=` nobody can tell whether it is a name or a token.
        None => MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: &str) {
        assert_eq!(masked(&target.parse().unwrap()), expected);
    }

    #[test]
    fn values_are_masked_and_names_are_not() {
        check("/a", "/a");
        check("/a?", "/a?");
        check("/a?b=1&c=2", "/a?b=***&c=***");
        check("/a?b=1=2&&token", "/a?b=***&&***");
    }
}
