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
    assert_eq!(mends.len(), 2);
    assert!(
        mends.iter().all(|mend| mend.contains(" install ")),
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

    sidecar: /ROOT/sidecar
    ");
}

#[test]
fn the_report_as_json() {
    let world = World::new()
        .engine("docker", Fake::Answers)
        .engine("podman", Fake::Refuses);
    let report = world.bottle(&["doctor", "--json"]).ends_with(0).json();
    let [docker, podman] = [0, 1].map(|at| &report["backends"][at]);
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
