//! Section 2.0: rules of the parser as a whole.

use apple_stand_in::argv::{Outcome, Service, parse_in};
use apple_stand_in::version::Version;

use crate::harness::{Fixed, check_all, judge, words};

#[test]
fn an_unknown_command_may_be_a_plugin() {
    check_all(&[
        ("foo", "64 Plugin 'container-foo' not found."),
        ("foo --help", "64 Plugin 'container-foo' not found."),
        ("--debug foo", "64 Plugin 'container-foo' not found."),
        ("--bogus", "64 unknown option '--bogus'"),
        ("--bogus list", "64 unknown option '--bogus'"),
        ("-x list", "64 unknown option '-x'"),
        ("-xy list", "64 unknown option '-xy'"),
        ("-- list", "64 unknown option '--'"),
        ("''", "64 unknown argument ''"),
        ("-", "64 unknown option '-'"),
        ("list", "ok"),
    ]);
}

#[test]
fn without_the_service_no_plugin_can_be_looked_for() {
    let ask = |line: &str| parse_in(Version::V1_2_2, &words(line), &Fixed, Service::Down);
    let Outcome::Refused { exit, message } = ask("foo") else {
        panic!("a plugin was found");
    };
    assert_eq!(exit, 64);
    let expected = "Error: Plugins are unavailable. Start the container system services and retry:";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(
        ask("list"),
        judge(Version::V1_2_2, "list"),
        "only plugins differ"
    );
}

#[test]
fn an_error_has_the_usage_below_it() {
    let message = |line: &str| match judge(Version::V1_0_0, line) {
        Outcome::Refused { message, .. } => message,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(
        message("list --bogusflag"),
        "Error: Unknown option '--bogusflag'\n\
         Usage: container list [--all] [--format <format>] [--quiet] [--debug]\n  \
         See 'container list --help' for more information."
    );
    assert_eq!(
        message("run"),
        "Error: Missing expected argument '<image>'\n\
         Usage: container run [<options>] <image> [<arguments> ...]\n  \
         See 'container run --help' for more information."
    );
    // What a check throws as the runtime does has none.
    assert_eq!(
        message("stop"),
        "Error: no containers specified and --all not supplied"
    );
}

#[test]
fn values_are_separate_or_joined_but_do_not_begin_with_a_dash() {
    check_all(&[
        ("list --format json", "ok"),
        ("list --format=json", "ok"),
        (
            "run --name --rm img",
            "64 Missing value for '--name <name>'",
        ),
        ("run --name=--rm img", "ok"),
        ("run --name", "64 Missing value for '--name <name>'"),
        ("run -w", "64 Missing value for '-w <dir>'"),
        (
            "list --all=yes",
            "64 The option '--all' does not take any value, but 'yes' was specified.",
        ),
        ("list --all=", "ok"),
        (
            "list -a=",
            "64 The option '-a' does not take any value, but '' was specified.",
        ),
    ]);
}

#[test]
fn a_pack_of_letters_may_end_in_one_with_a_value() {
    check_all(&[
        ("run -ite A=b img", "ok"),
        ("run -ie A=b -t img", "ok"),
        ("run -itx img", "64 Unknown option '-x'"),
        ("run -ie", "64 Unknown option '-ie'. Did you mean '--env'?"),
        ("list -aq", "ok"),
        ("list -aqz", "64 Unknown option '-z'"),
        ("list -zy", "64 Unknown option '-zy'"),
    ]);
}

#[test]
fn arguments_are_counted() {
    check_all(&[
        ("run", "64 Missing expected argument '<image>'"),
        ("exec", "64 Missing expected argument '<container-id>'"),
        ("exec id", "64 Missing expected argument '<arguments> ...'"),
        (
            "inspect",
            "64 Missing expected argument '<container-ids> ...'",
        ),
        ("copy", "64 Missing expected argument '<source>'"),
        ("cp a", "64 Missing expected argument '<destination>'"),
        ("cp a b", "ok"),
        ("cp a b c", "64 Unexpected argument 'c'"),
        ("cp a b c d", "64 2 unexpected arguments: 'c', 'd'"),
        ("list x", "64 Unexpected argument 'x'"),
        ("list --", "ok"),
        ("list -- x", "64 2 unexpected arguments: '--', 'x'"),
        // An option among the words is named before the words.
        ("list x --bogus", "64 Unknown option '--bogus'"),
        // What is missing is named before what is unknown.
        (
            "cp --bogus a",
            "64 Missing expected argument '<destination>'",
        ),
    ]);
}

#[test]
fn options_and_arguments_mix_unless_all_is_passed_through() {
    check_all(&[
        ("stop x -t 5", "ok"),
        ("network create n --internal", "ok"),
        ("cp a --bogus b", "64 Unknown option '--bogus'"),
        ("run img --rm --bogus -xyz", "ok"),
        ("exec id ls --bogus", "ok"),
        ("exec id --bogus", "ok"),
        ("exec --bogus id ls", "64 Unknown option '--bogus'"),
        ("machine run ls --bogus", "ok"),
        ("machine run -n m -- uname -a", "ok"),
        ("exec id --", "ok"),
        (
            "exec -- id",
            "64 Missing expected argument '<arguments> ...'",
        ),
        ("help -- list", "64 unknown command '-- list'"),
    ]);
}

#[test]
fn hidden_options_work_but_are_not_described() {
    check_all(&[
        ("build --cache-in x /ctx", "ok"),
        ("build --cache-in", "64 Missing value for '--cache-in'"),
        ("build --cache-inn /ctx", "64 Unknown option '--cache-inn'"),
        (
            "build --no-cach /ctx",
            "64 Unknown option '--no-cach'. Did you mean '--no-cache'?",
        ),
        ("machine stop --progress none", "ok"),
        ("default-command --debug", "64 Unknown option '--debug'"),
        (
            "machine stop --progress x",
            "64 The value 'x' is invalid for '--progress'",
        ),
    ]);
}

#[test]
fn a_group_of_commands_prints_help_or_refuses() {
    check_all(&[
        ("", "help"),
        ("--debug", "help"),
        ("network", "help"),
        ("image", "help"),
        ("system dns", "help"),
        ("network bogus", "64 Unexpected argument 'bogus'"),
        ("network --bogus", "64 Unknown option '--bogus'"),
        ("network --bogus list", "64 Unknown option '--bogus'"),
        ("system kernel bogus", "64 Unexpected argument 'bogus'"),
    ]);
}

#[test]
fn help_is_a_command_too() {
    check_all(&[
        ("help", "help"),
        ("help run", "help"),
        ("help network create", "help"),
        ("help n rm", "help"),
        ("help help", "help"),
        ("help bogus", "64 unknown command 'bogus'"),
        ("help network bogus", "64 unknown command 'network bogus'"),
        ("help --help", "64 unknown command '--help'"),
        (
            "help default-command",
            "64 unknown command 'default-command'",
        ),
        ("network help", "64 Unexpected argument 'help'"),
    ]);
}

#[test]
fn words_that_are_no_options_at_all() {
    check_all(&[
        ("---x", "64 Invalid option: ---x"),
        ("list ----", "64 Invalid option: ----"),
        ("list -=x", "64 Invalid option: -=x"),
        ("list --=x", "64 Unknown option '--'. Did you mean '--all'?"),
        // They are found before anything else, but not behind a terminator.
        ("run img ---x", "64 Invalid option: ---x"),
        ("run -- img ---x", "ok"),
    ]);
}

#[test]
fn what_every_such_parser_answers() {
    check_all(&[
        ("--experimental-dump-help", "help"),
        ("list --experimental-dump-help", "help"),
        ("--help-hidden", "help"),
        ("--generate-completion-script bash", "help"),
        ("--generate-completion-script=zsh", "help"),
        (
            "--generate-completion-script=tcsh",
            "64 Can't generate completion scripts for 'tcsh'.",
        ),
    ]);
    let Outcome::Help { message } = judge(Version::V1_1_0, "--experimental-dump-help") else {
        panic!("no help");
    };
    let data: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(data["version"], "1.1.0");
}

#[test]
fn the_version_is_said_in_one_line() {
    for (version, line) in [
        (
            Version::V0_12_3,
            "container CLI version 0.12.3 (build: release, commit: f989901)",
        ),
        (
            Version::V1_2_2,
            "container CLI version 1.2.2 (build: release, commit: 0190097)",
        ),
        (
            Version::V1_5_0,
            "container CLI version 1.5.0 (build: release, commit: d265d66)",
        ),
    ] {
        let message = line.to_owned();
        assert_eq!(judge(version, "--version"), Outcome::Help { message });
    }
}
