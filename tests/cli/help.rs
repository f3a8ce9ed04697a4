//! What `--help` says, and what a wrong command line gets.

use crate::world::World;

/// The verbs, from the main help.
pub(crate) fn verbs() -> Vec<String> {
    let help = World::new().bottle(&["-h"]).ends_with(0).raw_out;
    let commands = help.split("Commands:\n").nth(1).unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    commands
        .lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_main_help() {
    let ran = World::new().bottle(&["--help"]).ends_with(0);
    assert_eq!(ran.raw_err, "");
    insta::assert_snapshot!(ran.out(), @"
    Run a coding agent in a sealed bottle

    The agent sits on a network with no way out but a guarding sidecar, which decides each request
    against a default-deny policy, puts in credentials that the agent never holds, and logs what it
    decided. When the agent ends, everything that was made for it is removed.

    Usage: bottle [OPTIONS] <COMMAND>

    Commands:
      run          Run an agent in a new bottle
      plan         Show what `run` would do, without doing it
      check        Check a manifest, or ask what its policy says of a URL
      ls           List bottles
      exec         Run a command in a running bottle
      attach       Watch the agent of a detached bottle
      logs         Show what the agent or its sidecar has printed
      audit        Show what the sidecar decided
      cp           Copy files into a bottle, or out of it
      diff         Show what an agent changed in its copy of the workspace
      pull         Take what an agent changed in its copy of the workspace
      inspect      Show everything known about a bottle, as JSON
      report       Write all that tells what happened to a bottle into one text file, for a bug report
      allow        Let a running bottle reach a host
      deny         Withdraw a host from a running bottle
      stop         End a bottle and remove what was made for it
      start        Start a stopped bottle again
      rm           Remove a bottle, with its files, its logs and its audit
      snapshot     Keep a bottle's files as an image, to make other bottles from
      clean        Remove what is left over
      doctor       Say what this machine can run bottles on, and what is missing
      verify       Attack a bottle from inside, and say whether the wall holds
      init         Write a manifest to start from
      trust        Trust what an agent file grants itself
      schema       Print the JSON Schema of manifests, for editors
      completions  Print shell completions

    Options:
      -v, --verbose
              Show every call of an engine, as it pastes into a shell, on standard error

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn every_verb_says_what_it_does_and_every_argument_what_it_is() {
    let verbs = verbs();
    assert_eq!(verbs.len(), 26, "{verbs:?}");
    for verb in &verbs {
        let short = World::new().bottle(&[verb, "-h"]).ends_with(0).raw_out;
        let first = short.lines().next().unwrap();
        assert!(
            first.starts_with(char::is_uppercase) && !first.ends_with('.'),
            "{verb}: {first}"
        );
        assert!(short.contains(&format!("Usage: bottle {verb}")), "{short}");
        for line in described(&short) {
            let words = line.trim().split_once("  ").map(|(_, words)| words.trim());
            assert!(
                words.is_some_and(|words| !words.is_empty()),
                "{verb}: {line}"
            );
        }
        let long = World::new().bottle(&[verb, "--help"]).ends_with(0).raw_out;
        assert!(long.starts_with(first), "{verb}: {long}");
    }
}

/// The lines of the arguments and options, those of a description's second line left out.
fn described(help: &str) -> impl Iterator<Item = &str> {
    let lists = help
        .split_once("Arguments:")
        .or_else(|| help.split_once("Options:"));
    let lines = lists.unwrap().1.lines();
    lines.filter(|line| line.trim().starts_with(['-', '<', '[']) && !line.starts_with("          "))
}

#[test]
fn the_long_help_of_run_tells_how_it_ends() {
    let long = World::new().bottle(&["run", "--help"]).ends_with(0).raw_out;
    assert!(long.contains("status 125"), "{long}");
    let short = World::new().bottle(&["run", "-h"]).ends_with(0).raw_out;
    assert!(!short.contains("status 125"), "{short}");
}

#[test]
fn a_wrong_command_line_is_status_2_and_stands_on_standard_error() {
    for args in [
        &[][..],
        &["nonsense"],
        &["run", "--nonsense"],
        &["run", "--name", "Not Kebab"],
        &["check", "--method", "GET"],
        &["check", "--url", "https://a.test", "--method", "G T"],
        &["exec", "some-bottle"],
        &["stop"],
        &["diff"],
        &["diff", "some-bottle", "../outside"],
        &["diff", "some-bottle", "--stat", "--json"],
        &["pull", "some-bottle", "/etc/passwd"],
        &["pull", "some-bottle", "--to", "x", "--branch", "y"],
        &["cp", "here", "there"],
        &["completions", "no-shell"],
        &["schema", "no-kind"],
    ] {
        let world = World::with_agent("command = [\"true\"]\n");
        let ran = world.bottle(args).ends_with(2);
        assert_eq!(ran.raw_out, "", "{args:?}");
        assert!(!ran.raw_err.is_empty(), "{args:?}");
    }
    let ran = World::new().bottle(&["doctr"]).ends_with(2);
    assert!(ran.raw_err.contains("'doctor'"), "{}", ran.raw_err);
}

#[test]
fn the_version_is_the_packages() {
    let ran = World::new().bottle(&["--version"]).ends_with(0);
    assert_eq!(
        ran.raw_out,
        concat!("bottle ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
