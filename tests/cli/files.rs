//! The verbs that write a file, or a text for one: `init` and `completions`.

use std::fs;

use crate::world::World;

#[test]
fn init_writes_a_manifest_that_is_right() {
    let world = World::new();
    let ran = world.bottle(&["init"]).ends_with(0);
    assert_eq!(ran.out(), "");
    assert!(
        ran.err().contains("wrote `/ROOT/work/agent.toml`"),
        "{ran:?}"
    );
    let checked = world.bottle(&["check"]).ends_with(0);
    assert_eq!(checked.out(), "work: ok (/ROOT/work/agent.toml)\n");
    assert_eq!(checked.err(), "");
    for backend in ["docker", "podman"] {
        world.bottle(&["plan", "--backend", backend]).ends_with(0);
    }
}

#[test]
fn init_never_overwrites() {
    let world = World::with_agent("# mine\n");
    let ran = world.bottle(&["init"]).ends_with(1);
    assert!(ran.err().contains("is there already"), "{ran:?}");
    let kept = fs::read_to_string(world.path("work/agent.toml")).unwrap();
    assert_eq!(kept, "# mine\n");
    world.bottle(&["init", "other.toml"]).ends_with(0);
    assert_eq!(world.names("work"), ["agent.toml", "other.toml"]);
}

#[test]
fn init_takes_the_name_that_it_is_given() {
    let world = World::new();
    world.bottle(&["init", "--name", "reviewer"]).ends_with(0);
    let checked = world.bottle(&["check"]).ends_with(0);
    assert!(checked.out().starts_with("reviewer: ok"), "{checked:?}");
}

#[test]
fn init_says_where_it_cannot_write() {
    let ran = World::new()
        .bottle(&["init", "no/such/agent.toml"])
        .ends_with(1);
    assert!(
        ran.err()
            .contains("could not write `/ROOT/work/no/such/agent.toml`"),
        "{ran:?}"
    );
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = World::new().bottle(&["completions", shell]).ends_with(0);
        assert_eq!(ran.err(), "");
        for verb in ["run", "doctor", "completions"] {
            assert!(ran.raw_out.contains(verb), "{shell}: {verb}");
        }
    }
}
