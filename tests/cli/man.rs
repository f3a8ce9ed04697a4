//! Man pages, and the calls that `--verbose` shows.

use std::fs;

use crate::help::verbs;
use crate::world::{Fake, World};

#[test]
fn every_verb_has_a_man_page() {
    let world = World::new();
    world.bottle(&["man", "pages"]).ends_with(0);
    let names = world.names("work/pages");
    let page = |verb: &str| format!("bottle-{verb}.1");
    for verb in verbs() {
        assert!(names.contains(&page(&verb)), "{verb}: {names:?}");
    }
    let main = fs::read_to_string(world.path("work/pages/bottle.1")).unwrap();
    assert!(main.contains("bottle\\-run"), "{main}");
    let run = fs::read_to_string(world.path("work/pages/bottle-run.1")).unwrap();
    assert!(run.contains("timeout"), "{run}");
    // The verb itself is for whoever packs: nothing lists it.
    assert!(!verbs().contains(&"man".to_owned()));
}

#[test]
fn verbose_shows_the_calls_and_otherwise_nothing_does() {
    let world = World::new().engine("docker", Fake::Answers);
    let quiet = world.bottle(&["ls"]).ends_with(0);
    assert_eq!(quiet.err(), "");
    for args in [["--verbose", "ls"], ["ls", "-v"]] {
        let ran = world.bottle(&args).ends_with(0);
        let call = "+ /ROOT/bin/docker ps --all --quiet --no-trunc --filter=label=dev.bottle.id";
        assert!(ran.err().lines().any(|line| line == call), "{ran:?}");
        assert_eq!(ran.out(), quiet.out());
    }
}
