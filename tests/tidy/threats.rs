//! Every row of the threat model names a test that exists.

use super::tokens::functions;
use super::tree::{Source, Tree};

/// Where the threat model is.
const MODEL: &str = "docs/threat-model.md";
/// Where a scenario is a function of a list, not a test of its own.
const SCENARIOS: &str = "tests/integration";

/// Complains about rows without a test, and about tests that do not exist.
///
/// The last cell of a row holds pairs of code spans: the test's name, and the file that it is in.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let Some(model) = tree.get(MODEL) else {
        return vec![format!("{MODEL}: does not exist")];
    };
    let rows: Vec<(usize, &str)> = rows(model).collect();
    if rows.is_empty() {
        return vec![model.complain(1, "has no rows")];
    }
    rows.iter()
        .flat_map(|(line, row)| {
            check_row(tree, row)
                .into_iter()
                .map(|what| model.complain(*line, &what))
        })
        .collect()
}

/// Returns the rows of the tables, without their heads.
fn rows(model: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = model.text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|-") || line.starts_with("| -");
    let is_head = move |at: usize| lines.get(at + 1).is_some_and(|next| is_rule(next));
    model
        .text
        .lines()
        .enumerate()
        .filter(move |(at, line)| line.starts_with('|') && !is_rule(line) && !is_head(*at))
        .map(|(at, line)| (at + 1, line))
}

fn check_row(tree: &Tree, row: &str) -> Vec<String> {
    let cell = row
        .trim()
        .trim_end_matches('|')
        .rsplit('|')
        .next()
        .unwrap_or_default();
    let spans: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    if spans.is_empty() || spans.len() % 2 == 1 {
        return vec!["names no test: write `` `name` in `file` `` in the last cell".to_owned()];
    }
    let names = spans.iter().step_by(2);
    let paths = spans.iter().skip(1).step_by(2);
    names
        .zip(paths)
        .filter(|(name, path)| !exists(tree, name, path))
        .map(|(name, path)| format!("there is no test `{name}` in `{path}`"))
        .collect()
}

fn exists(tree: &Tree, name: &str, path: &str) -> bool {
    tree.get(path).is_some_and(|source| {
        let scenario = source.is_in(SCENARIOS);
        functions(source)
            .iter()
            .any(|function| function.name == name && (function.test || scenario))
    })
}

#[test]
fn a_row_without_an_existing_test_is_found() {
    let check_cell = |cell: &str, expected: usize| {
        let model = format!(
            "# Threats\n\n| Threat | Test |\n|---|---|\n| a | `good` in `src/a.rs` |\n| b | {cell} |\n"
        );
        let tree = Tree::of(&[
            (MODEL, &model),
            ("src/a.rs", "#[test]\nfn good() {}\nfn plain() {}"),
            ("tests/integration/b.rs", "fn scenario() {}"),
        ]);
        let complaints = check(&tree);
        assert_eq!(complaints.len(), expected, "{cell}: {complaints:?}");
    };
    check_cell("`good` in `src/a.rs`", 0);
    check_cell(
        "`good` in `src/a.rs`, `scenario` in `tests/integration/b.rs`",
        0,
    );
    check_cell("", 1);
    check_cell("see below", 1);
    check_cell("`good`", 1);
    check_cell("`plain` in `src/a.rs`", 1);
    check_cell("`bad` in `src/a.rs`", 1);
    check_cell("`good` in `src/b.rs`", 1);
    check_cell("`bad` in `src/a.rs`, `worse` in `src/a.rs`", 2);
    assert_eq!(check(&Tree::of(&[])).len(), 1);
    assert_eq!(check(&Tree::of(&[(MODEL, "# Threats\n")])).len(), 1);
}
