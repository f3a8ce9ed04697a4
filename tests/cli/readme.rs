//! What the README says, against the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::world::World;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn its_verbs_are_those_of_the_program() {
    let text = readme();
    let table = text.split_once("| Verb | What it does |").unwrap().1;
    let table = table.split_once("\n\n").unwrap().0;
    let verb = |line: &str| line.split('`').nth(1).map(str::to_owned);
    let told: BTreeSet<String> = table.lines().filter_map(verb).collect();
    assert_eq!(told, crate::help::verbs().into_iter().collect());
}

#[test]
fn its_first_agent_is_right_and_does_what_it_says() {
    let text = readme();
    let block = text.split_once("```toml\n").unwrap().1;
    let world = World::with_agent(block.split_once("\n```").unwrap().0);
    let checked = world.bottle(&["check"]).ends_with(0);
    assert_eq!(checked.err(), "");
    let asks = |url: &str| world.bottle(&["check", "--url", url]).status;
    assert_eq!(asks("https://api.example.com/v1/reviews"), 0);
    assert_eq!(asks("https://api.example.com/v2"), 1);
    // It grants itself a route, and nothing else.
    let plan = world.bottle(&["plan", "--json", "--backend", "docker"]);
    let grants = plan.ends_with(0).json()["grants"].clone();
    assert_eq!(grants.as_array().unwrap().len(), 1, "{grants}");
}
