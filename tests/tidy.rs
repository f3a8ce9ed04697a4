//! The rules of this project that a compiler cannot check.
//!
//! Each rule is a pure function from sources to complaints, and has a sample that it must complain
//! about beside a sample that it must not: a checker that cannot fail is worth nothing.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is a test: a file that cannot be read or parsed fails it"
)]

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/threats.rs"]
mod threats;
#[path = "tidy/tokens.rs"]
mod tokens;
#[path = "tidy/tree.rs"]
mod tree;

use tree::{Source, Tree};

/// Checks every Rust file of the tree by one rule.
#[track_caller]
fn check_each(rule: impl Fn(&Source) -> Vec<String>) {
    let tree = Tree::read().unwrap();
    let complaints: Vec<String> = tree.rust().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Checks the tree as a whole by one rule.
#[track_caller]
fn check_all(rule: impl Fn(&Tree) -> Vec<String>) {
    let complaints = rule(&Tree::read().unwrap());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_tree_is_read() {
    let tree = Tree::read().unwrap();
    for path in [
        "tests/tidy.rs",
        "src/lib.rs",
        "src/contract/id.rs",
        "Cargo.toml",
    ] {
        assert!(tree.get(path).is_some(), "{path}");
    }
    assert!(tree.rust().count() > 20);
}

#[test]
fn imports_go_down_or_stay() {
    check_each(floors::check);
}

#[test]
fn inside_the_sidecar_only_the_root_knows_everyone() {
    check_each(floors::check_sidecar);
}

#[test]
fn only_process_runs_programs() {
    check_each(rules::runs_programs);
}

#[test]
fn only_ui_prints() {
    check_each(rules::prints);
}

#[test]
fn only_env_reads_the_environment() {
    check_each(rules::reads_environment);
}

#[test]
fn what_is_pure_does_no_io_and_reads_no_clock() {
    check_each(rules::impure);
}

#[test]
fn nothing_is_left_for_later_silenced_or_ignored() {
    check_each(rules::unfinished);
}

#[test]
fn files_and_functions_are_small() {
    check_each(shape::too_long);
}

#[test]
fn every_file_says_what_it_is() {
    check_each(shape::undocumented);
}

#[test]
fn a_mod_file_is_a_table_of_contents() {
    check_each(shape::not_contents);
}

#[test]
fn no_file_is_empty() {
    check_all(shape::empty);
}

#[test]
fn documents_link_to_what_exists() {
    check_all(docs::broken_links);
}

#[test]
fn documents_name_paths_that_exist() {
    check_all(docs::missing_paths);
}

#[test]
fn decision_records_have_their_four_parts() {
    check_all(docs::decisions);
}

#[test]
fn nothing_names_a_registry_or_the_place_where_it_was_written() {
    check_all(docs::forbidden_mentions);
}

#[test]
fn every_threat_names_a_test_that_exists() {
    check_all(threats::check);
}
