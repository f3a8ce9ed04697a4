//! `bottle run`, as far as it comes without an engine: trust, the choice of the backend, what is missing.

use crate::world::{Fake, World};

const PLAIN: &str = r#"name = "plain"
command = ["true"]

[image]
reference = "registry.invalid/nothing:1"
"#;

const GREEDY: &str = r#"name = "greedy"
command = ["true"]

[image]
reference = "registry.invalid/nothing:1"

[env]
LOG_LEVEL = { host = "LOG_LEVEL" }

[[egress.routes]]
host = "api.example.com"
"#;

#[test]
fn what_is_not_trusted_does_not_run() {
    let world = World::with_agent(GREEDY).engine("docker", Fake::Answers);
    let ran = world.bottle(&["run"]).ends_with(125);
    assert_eq!(ran.out(), "");
    insta::assert_snapshot!(ran.err(), @"
    error: `agent.toml` is not trusted, and it grants itself more than a bottle has by default:
        - shows the agent this host's variable `LOG_LEVEL`, as `LOG_LEVEL` (/ROOT/work/agent.toml:8:1)
        - reaches `api.example.com` on port 443 and 80 (/ROOT/work/agent.toml:10:1)
    hint: read it, then run `bottle trust agent.toml`, or give `--trust` for this one run
    ");
    assert_eq!(world.calls(), [""; 0]);
    assert_eq!(world.names("state"), [""; 0]);
}

#[test]
fn trust_is_for_this_content_only() {
    let world = World::with_agent(GREEDY);
    let trusted = world.bottle(&["trust"]).ends_with(0);
    assert_eq!(trusted.out(), "");
    insta::assert_snapshot!(trusted.err(), @"
      - shows the agent this host's variable `LOG_LEVEL`, as `LOG_LEVEL` (/ROOT/work/agent.toml:8:1)
      - reaches `api.example.com` on port 443 and 80 (/ROOT/work/agent.toml:10:1)
    `agent.toml` is trusted as it is now
    ");
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(!ran.err().contains("not trusted"), "{ran:?}");
    assert!(ran.err().contains("no backend can be used here"), "{ran:?}");
    let world = world.file(
        "work/agent.toml",
        &GREEDY.replace("api.example.com", "evil.example.com"),
    );
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(ran.err().contains("is not trusted"), "{ran:?}");
    assert!(ran.err().contains("has changed"), "{ran:?}");
}

#[test]
fn trust_for_one_run_is_not_recorded() {
    let world = World::with_agent(GREEDY);
    let ran = world.bottle(&["run", "--trust"]).ends_with(125);
    assert!(ran.err().contains("no backend can be used here"), "{ran:?}");
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(ran.err().contains("is not trusted"), "{ran:?}");
}

#[test]
fn what_grants_itself_nothing_needs_no_trust() {
    let world = World::with_agent(PLAIN);
    let ran = world.bottle(&["trust"]).ends_with(0);
    assert!(ran.err().contains("needs no trust"), "{ran:?}");
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(ran.err().contains("no backend can be used here"), "{ran:?}");
}

#[test]
fn without_an_engine_it_says_what_to_do() {
    let nobody = World::with_agent(PLAIN).bottle(&["run"]).ends_with(125);
    insta::assert_snapshot!(nobody.err(), @"
    error: no backend can be used here: docker: the program `docker` was not found; podman: the program `podman` was not found; native: `BOTTLE_HOST` states that this machine makes no namespaces
    hint: `bottle doctor` names what is missing, and the command that mends it
    ");
    let args = ["run", "--backend", "docker"];
    let named = World::with_agent(PLAIN).bottle(&args).ends_with(125);
    let err = named.err();
    assert!(err.contains("the backend `docker` cannot be used"), "{err}");
    assert!(err.contains("\nhint: "), "{err}");
}

#[test]
fn an_unknown_backend_is_refused_with_the_names_of_all() {
    for args in [
        ["run", "--backend", "dcoker"],
        ["plan", "--backend", "dcoker"],
    ] {
        let ran = World::with_agent(PLAIN).bottle(&args);
        assert_ne!(ran.status, 0);
        assert_eq!(
            ran.err(),
            "error: there is no backend `dcoker` (there are: macos-container, docker, podman, native)\n"
        );
    }
}

/// The backend of a plan, and who named it.
fn first_line(world: &World, args: &[&str]) -> String {
    let ran = world.bottle(&[&["plan"][..], args].concat()).ends_with(0);
    ran.out().lines().next().unwrap().to_owned()
}

#[test]
fn the_flag_beats_the_variable_and_that_the_settings_file() {
    let world = World::with_agent(PLAIN)
        .engine("docker", Fake::Answers)
        .engine("podman", Fake::Answers);
    assert_eq!(
        first_line(&world, &[]),
        "# plain on docker (the default on this system)"
    );
    let world = world.file(
        "config/bottle/config.toml",
        "default-backend = \"podman\"\n",
    );
    assert_eq!(
        first_line(&world, &[]),
        "# plain on podman (named by `default-backend` in the settings file)"
    );
    let world = world.var("BOTTLE_BACKEND", "docker");
    assert_eq!(
        first_line(&world, &[]),
        "# plain on docker (named by `BOTTLE_BACKEND`)"
    );
    assert_eq!(
        first_line(&world, &["--backend", "podman"]),
        "# plain on podman (named by `--backend`)"
    );
}

#[test]
fn the_first_engine_that_answers_is_taken_and_it_says_why() {
    let world = World::with_agent(PLAIN)
        .engine("docker", Fake::Refuses)
        .engine("podman", Fake::Answers);
    let line = first_line(&world, &[]);
    assert!(
        line.starts_with("# plain on podman (the first that answers; docker: "),
        "{line}"
    );
    // Named, it is an error: nothing else is taken in its place.
    let ran = world.bottle(&["run", "--backend", "docker"]).ends_with(125);
    assert!(
        ran.err().contains("the backend `docker` cannot be used"),
        "{ran:?}"
    );
    assert!(
        ran.err().contains("Cannot connect to the Docker daemon"),
        "{ran:?}"
    );
}

#[test]
fn a_settings_file_with_a_mistake_is_an_error_with_its_place() {
    let world =
        World::with_agent(PLAIN).file("config/bottle/config.toml", "default = \"docker\"\n");
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(
        ran.err().contains("/ROOT/config/bottle/config.toml"),
        "{ran:?}"
    );
    assert!(ran.err().contains("default-backend"), "{ran:?}");
}

#[test]
fn a_variable_that_is_not_set_is_named_before_anything_is_made() {
    let world = World::with_agent(GREEDY).engine("docker", Fake::Answers);
    let ran = world.bottle(&["run", "--trust"]).ends_with(125);
    insta::assert_snapshot!(ran.err(), @"
    backend: docker 26.1.5+dfsg1 (the default on this system)
    error: the manifest takes `LOG_LEVEL` from your environment, and it is not set
    hint: set it first: `export LOG_LEVEL=…`
    ");
    assert_eq!(world.names("state/bottle"), [""; 0]);
    assert!(
        world
            .calls()
            .iter()
            .all(|call| call.starts_with("docker info "))
    );
}

#[test]
fn an_image_that_is_nowhere_is_an_error_in_the_engines_words() {
    let world = World::with_agent(PLAIN).engine("docker", Fake::Answers);
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(ran.err().contains("manifest unknown"), "{ran:?}");
    assert!(ran.err().contains("\nhint: "), "{ran:?}");
    assert!(ran.err().contains("backend: docker 26.1.5"), "{ran:?}");
    assert_eq!(world.names("state/bottle"), [""; 0]);
    assert!(
        !world.calls().iter().any(|call| call.contains("create")),
        "{:?}",
        world.calls()
    );
}

#[test]
fn a_manifest_without_an_image_is_told_how_to_name_one() {
    let world = World::with_agent("command = [\"true\"]\n").engine("docker", Fake::Answers);
    let ran = world.bottle(&["run"]).ends_with(125);
    assert!(ran.err().contains("names no image"), "{ran:?}");
    assert!(ran.err().contains("--image"), "{ran:?}");
}

#[test]
fn events_are_all_that_stands_on_standard_error() {
    let world = World::with_agent(GREEDY).engine("docker", Fake::Answers);
    let ran = world.bottle(&["run", "--events", "json"]).ends_with(125);
    let events: Vec<serde_json::Value> = ran
        .raw_err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["error", "ended"]);
    assert!(
        events[0]["text"]
            .as_str()
            .unwrap()
            .contains("is not trusted"),
        "{ran:?}"
    );
    assert!(events[0]["hints"][0].is_string(), "{ran:?}");
    assert_eq!(
        (&events[1]["status"], &events[1]["by"]),
        (&125.into(), &"bottle".into())
    );
    // The control: the same in words.
    let words = world.bottle(&["run"]).ends_with(125);
    assert!(words.raw_err.starts_with("error: "), "{words:?}");
}

#[test]
fn a_timeout_has_a_unit() {
    let world = World::with_agent(PLAIN);
    world.bottle(&["run", "--timeout", "10"]).ends_with(2);
    world.bottle(&["run", "--timeout", "10m"]).ends_with(125);
}
