//! `bottle doctor`.

use std::time::{Duration, Instant};

use crate::world::{Fake, World};

#[test]
fn without_an_engine_it_says_what_to_install() {
    let ran = World::new().bottle(&["doctor"]).ends_with(1);
    assert_eq!(ran.err(), "");
    for engine in ["docker", "podman"] {
        assert!(
            ran.out().contains(&format!("\n{engine}: not usable\n")),
            "{ran:?}"
        );
        assert!(
            ran.out()
                .contains(&format!("problem: the program `{engine}` was not found"))
        );
    }
    let mends: Vec<String> = ran
        .out()
        .lines()
        .filter_map(|line| line.trim().strip_prefix("to mend it: ").map(str::to_owned))
        .collect();
    assert_eq!(mends.len(), 4);
    assert!(
        mends[1..3].iter().all(|mend| mend.contains(" install ")),
        "{mends:?}"
    );
}

#[test]
fn engines_that_answer_are_shown_with_their_versions() {
    let world = World::new()
        .engine("docker", Fake::Answers)
        .engine("podman", Fake::Answers);
    let ran = world.bottle(&["doctor"]).ends_with(0);
    insta::assert_snapshot!(ran.out().replace(env!("CARGO_PKG_VERSION"), "[version]"), @"
    bottle [version]

    macos-container: not usable
      problem: it runs on macOS only, and this is Linux
      to mend it: use `--backend docker` or `--backend podman`

    docker: ok
      program: /ROOT/bin/docker
      version: 26.1.5+dfsg1
      runs on: Debian GNU/Linux 12 (bookworm)
      - the internal network's bridge gets no IPv4 address
      - the host cannot be reached from a bottle
      - mounted folders keep their owner
      - CPU, memory and processes can be limited

    podman: ok
      program: /ROOT/bin/podman
      version: 4.3.1
      runs on: debian 12
      - the internal network has no resolver, and its bridge no IPv4 address
      - the host cannot be reached from a bottle
      - mounted folders keep their owner
      - CPU, memory and processes can be limited

    native: not usable
      problem: `BOTTLE_HOST` states that this machine makes no namespaces
      to mend it: unset BOTTLE_HOST

    sidecar: /ROOT/sidecar
    ");
}

#[test]
fn the_report_as_json() {
    let world = World::new()
        .engine("docker", Fake::Answers)
        .engine("podman", Fake::Refuses);
    let report = world.bottle(&["doctor", "--json"]).ends_with(0).json();
    let [docker, podman] = [1, 2].map(|at| &report["backends"][at]);
    assert_eq!(docker["version"], "26.1.5+dfsg1");
    assert!(docker["problems"].as_array().unwrap().is_empty());
    assert_eq!(podman["backend"], "podman");
    let what = podman["problems"][0]["what"].as_str().unwrap();
    assert!(what.contains("Cannot connect"), "{what}");
    assert!(
        podman["problems"][0]["mend"]
            .as_str()
            .is_some_and(|mend| !mend.is_empty())
    );
}

#[test]
fn an_engine_that_hangs_does_not_keep_the_others_waiting_for_ever() {
    let world = World::new()
        .engine("docker", Fake::Hangs)
        .engine("podman", Fake::Answers);
    let begin = Instant::now();
    let ran = world.bottle(&["doctor"]).ends_with(0);
    // Ten seconds for the answer, and some for a machine that is busy.
    assert!(
        begin.elapsed() < Duration::from_secs(25),
        "{:?}",
        begin.elapsed()
    );
    assert!(ran.out().contains("\ndocker: not usable\n"), "{ran:?}");
    assert!(ran.out().contains("\npodman: ok\n"), "{ran:?}");
}

#[test]
fn a_sidecar_that_is_named_and_missing_is_a_problem() {
    let world = World::new().engine("docker", Fake::Answers);
    let found = world.bottle(&["doctor"]).ends_with(0);
    assert!(
        found.out().contains("\nsidecar: /ROOT/sidecar\n"),
        "{found:?}"
    );
    let world = world.var("BOTTLE_SIDECAR_BINARY", "/nonexistent/sidecar");
    let ran = world.bottle(&["doctor"]).ends_with(1);
    assert!(ran.out().contains("sidecar: missing"), "{ran:?}");
    assert!(ran.out().contains("/nonexistent/sidecar"), "{ran:?}");
}

/// What `doctor` says of `macos-container`.
fn of_apple(world: &World) -> serde_json::Value {
    let report = world.bottle(&["doctor", "--json"]).json();
    let mut backends = report["backends"].as_array().unwrap().iter();
    let apple = backends.find(|backend| backend["backend"] == "macos-container");
    apple.unwrap().clone()
}

#[test]
fn five_ways_in_which_a_mac_is_not_ready_have_five_reasons_and_five_mends() {
    const MAC: &str = "macos 26.1 arm64";
    let worlds = [
        World::new().var("BOTTLE_HOST", MAC),
        World::new().mac(MAC, "0.12.3", "running"),
        World::new().mac(MAC, "1.2.2", "unregistered"),
        World::new().mac("macos 15.6 arm64", "1.2.2", "running"),
        World::new().mac("macos 26.1 x86_64", "1.2.2", "running"),
    ];
    let problems: Vec<serde_json::Value> = worlds
        .iter()
        .map(|world| of_apple(world)["problems"].clone())
        .collect();
    for (problems, what, mend) in [
        (
            &problems[0],
            "the program `container` was not found",
            "brew install container",
        ),
        (&problems[1], "0.12.3", "brew upgrade container"),
        (&problems[2], "is not running", "container system start"),
        (&problems[3], "macOS 15.6 is too old", "update to macOS 26"),
        (&problems[4], "Intel", "docker"),
    ] {
        assert_eq!(problems.as_array().unwrap().len(), 1, "{problems}");
        let of = |key: &str| problems[0][key].as_str().unwrap();
        assert!(of("what").contains(what), "{problems}");
        assert!(of("mend").contains(mend), "{problems}");
    }
    for key in ["what", "mend"] {
        let mut texts: Vec<&serde_json::Value> =
            problems.iter().map(|problems| &problems[0][key]).collect();
        texts.sort_by_key(ToString::to_string);
        texts.dedup();
        assert_eq!(texts.len(), 5, "{texts:?}");
    }
    // The control: with all of it in order, there is no problem.
    let ready = of_apple(&World::new().mac(MAC, "1.2.2", "running"));
    assert_eq!(ready["problems"], serde_json::json!([]));
    assert_eq!(ready["version"], "1.2.2");
}
