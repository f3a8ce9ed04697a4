//! `bottle ls` and `bottle clean`, with folders that were left behind and engines that hold nothing.

use std::fs::File;

use serde_json::json;

use crate::world::{Fake, World};

/// A world in which both engines answer.
fn world() -> World {
    World::new()
        .engine("docker", Fake::Answers)
        .engine("podman", Fake::Answers)
}

/// The record of a bottle whose launcher died before it had made anything.
fn record(id: &str) -> String {
    json!({
        "format": 1, "id": id, "agent": "demo", "backend": "docker",
        "created": "2026-01-01T00:00:00Z", "owner": "1000.abc", "version": "0.1.0",
        "manifest": "00ff", "phase": "creating", "pid": 7
    })
    .to_string()
}

fn leave(world: World, id: &str) -> World {
    world
        .file(&format!("state/bottle/{id}/record.json"), &record(id))
        .file(&format!("state/bottle/{id}/lock"), "")
}

#[test]
fn nothing_is_listed_and_nothing_removed_where_nothing_is() {
    // With engines that hold nothing, and without any.
    for world in [world(), World::new()] {
        let listed = world.bottle(&["ls"]).ends_with(0);
        assert_eq!(
            listed.out(),
            "ID  NAME  AGENT  BACKEND  STATUS  AGE  DENIED\n"
        );
        let listed = world.bottle(&["ls", "--json", "--all"]).ends_with(0);
        assert_eq!(listed.out(), "[]\n");
        assert_eq!(listed.err(), "");
        for args in [&["clean"][..], &["clean", "--yes"], &["clean", "--dry-run"]] {
            let cleaned = world.bottle(args).ends_with(0);
            assert_eq!(
                (cleaned.out(), cleaned.err()),
                (String::new(), "nothing is left over\n".to_owned())
            );
        }
        let plan = world.bottle(&["clean", "--dry-run", "--json"]).ends_with(0);
        assert_eq!(plan.json(), json!({"bottles": []}));
    }
}

#[test]
fn clean_asks_or_is_told_and_otherwise_removes_nothing() {
    let world = leave(world(), "demo-aaaaaa");
    let refused = world.bottle(&["clean"]).ends_with(1);
    insta::assert_snapshot!(refused.out(), @"
    ID           STATUS    WHAT          NAME
    demo-aaaaaa  leftover  state folder  demo-aaaaaa
    ");
    insta::assert_snapshot!(refused.err(), @"
    error: there is no terminal to ask on
    hint: `bottle clean --yes` does not ask
    ");
    let dry = world.bottle(&["clean", "--dry-run", "--yes"]).ends_with(0);
    assert_eq!(dry.out(), refused.out());
    assert_eq!(world.names("state/bottle"), ["demo-aaaaaa"]);
    let cleaned = world.bottle(&["clean", "--yes"]).ends_with(0);
    assert!(cleaned.err().contains("removed demo-aaaaaa"), "{cleaned:?}");
    assert_eq!(world.names("state/bottle"), [""; 0]);
}

#[test]
fn a_dry_run_as_json_lists_what_would_go() {
    let world = leave(world(), "demo-aaaaaa");
    let plan = world.bottle(&["clean", "--dry-run", "--json"]).ends_with(0);
    assert_eq!(plan.err(), "");
    insta::assert_snapshot!(plan.out(), @r#"
    {
      "bottles": [
        {
          "id": "demo-aaaaaa",
          "status": "leftover",
          "resources": [],
          "state": true
        }
      ]
    }
    "#);
    assert_eq!(world.names("state/bottle"), ["demo-aaaaaa"]);
    let listed = world.bottle(&["ls", "--all", "--json"]).ends_with(0).json();
    assert_eq!(listed[0]["id"], "demo-aaaaaa");
    assert_eq!(listed[0]["status"], "leftover");
}

#[test]
fn a_bottle_whose_launcher_lives_stays() {
    let world = leave(leave(world(), "dead-aaaaaa"), "live-aaaaaa");
    let lock = File::options()
        .write(true)
        .open(world.path("state/bottle/live-aaaaaa/lock"))
        .unwrap();
    lock.lock().unwrap();
    world.bottle(&["clean", "--yes", "--all"]).ends_with(0);
    assert_eq!(world.names("state/bottle"), ["live-aaaaaa"]);
    let listed = world.bottle(&["ls", "--json"]).ends_with(0).json();
    assert_eq!(listed[0]["status"], "starting", "{listed}");
    drop(lock);
    world.bottle(&["clean", "--yes"]).ends_with(0);
    assert_eq!(world.names("state/bottle"), [""; 0]);
}

#[test]
fn what_is_not_bottles_own_is_not_touched() {
    let world = leave(world(), "demo-aaaaaa").file("state/bottle/Notes/mine.txt", "keep");
    world.bottle(&["clean", "--yes", "--all"]).ends_with(0);
    assert_eq!(world.names("state/bottle"), ["Notes"]);
}

#[test]
fn a_damaged_record_is_a_warning() {
    let world = world().file("state/bottle/demo-aaaaaa/record.json", "{\"format\": 1,");
    let world = world.file("state/bottle/demo-aaaaaa/lock", "");
    let listed = world.bottle(&["ls", "--all", "--json"]).ends_with(0);
    assert!(listed.err().starts_with("warning: "), "{listed:?}");
    assert!(
        listed
            .err()
            .contains("/ROOT/state/bottle/demo-aaaaaa/record.json"),
        "{listed:?}"
    );
    assert_eq!(listed.json()[0]["status"], "leftover");
    world.bottle(&["clean", "--yes"]).ends_with(0);
    assert_eq!(world.names("state/bottle"), [""; 0]);
}

#[test]
fn an_engine_that_does_not_answer_leaves_its_bottles_alone() {
    let world = leave(World::new().engine("docker", Fake::Refuses), "demo-aaaaaa");
    let ran = world.bottle(&["clean", "--yes"]).ends_with(0);
    assert!(ran.err().contains("docker could not be asked"), "{ran:?}");
    assert!(ran.err().contains("`demo-aaaaaa` is left out"), "{ran:?}");
    assert_eq!(world.names("state/bottle"), ["demo-aaaaaa"]);
}

#[test]
fn a_bottle_that_is_not_there_is_an_error_with_a_hint() {
    for (args, status) in [
        (&["inspect", "nope"][..], 1),
        (&["logs", "nope"], 1),
        (&["audit", "nope"], 1),
        (&["stop", "nope"], 1),
        (&["allow", "nope", "a.test"], 1),
        (&["deny", "nope", "a.test"], 1),
        (&["cp", "nope:/a", "b"], 1),
        (&["exec", "nope", "true"], 125),
    ] {
        let ran = world().bottle(args).ends_with(status);
        assert_eq!(ran.out(), "");
        assert!(
            ran.err()
                .contains("no bottle has an id that begins with `nope`"),
            "{ran:?}"
        );
        assert!(ran.err().contains("bottle ls --all"), "{ran:?}");
    }
}

#[test]
fn a_beginning_that_two_bottles_have_is_refused() {
    let world = leave(leave(world(), "demo-aaaaaa"), "demo-bbbbbb");
    let both = world.bottle(&["inspect", "demo-"]).ends_with(1);
    assert!(
        both.err().contains("demo-aaaaaa") && both.err().contains("demo-bbbbbb"),
        "{both:?}"
    );
    let one = world.bottle(&["inspect", "demo-a"]).ends_with(0).json();
    assert_eq!(one["id"], "demo-aaaaaa");
}
