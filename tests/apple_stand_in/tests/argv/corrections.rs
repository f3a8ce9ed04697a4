//! The corrections at the head of the notes: what the real parser said.

use crate::harness::check_all;

#[test]
fn correction_1_a_joined_short_value_is_a_pack_of_letters() {
    check_all(&[
        // The first letter takes the next word, and the second time there is none.
        ("export -ofoo x", "64 Unknown option '-ofoo'"),
        ("export -oval x", "64 Missing expected argument '<id>'"),
        ("export -oval x y", "64 Unknown option '-v'"),
        ("export -o foo x", "ok"),
        ("export -o=foo x", "ok"),
        // The letter takes the next word, and what is left of the pack is unknown.
        ("logs -n5 id", "64 The value 'id' is invalid for '-n <n>'"),
        ("logs -n5 7 id", "64 Unknown option '-5'"),
        ("logs -n 5 id", "ok"),
        ("logs -n=5 id", "ok"),
        (
            "run -eA=b img",
            "64 Unknown option '-eA'. Did you mean '--env'?",
        ),
        ("run -e A=b img", "ok"),
        ("run -m512m img", "64 Missing expected argument '<image>'"),
        ("run -m512m x img", "64 Unknown option '-5'"),
        ("run -m 512m img", "ok"),
        ("run -p8080:80 img x", "64 Unknown option '-8'"),
        ("run -it img", "ok"),
    ]);
}

#[test]
fn correction_2_an_empty_value_joined_by_a_sign_is_none() {
    check_all(&[
        ("run --env= img", "64 Missing expected argument '<image>'"),
        ("run --env= A=b img", "ok"),
        ("run --env '' img", "ok"),
        ("run --env=", "64 Missing value for '--env <env>'"),
        // After one dash and one letter it is an empty value.
        ("run -e= img", "ok"),
    ]);
}

#[test]
fn correction_3_debug_is_the_roots() {
    check_all(&[
        ("--debug list", "ok"),
        ("--debug --debug list", "ok"),
        ("list --debug", "ok"),
        ("image list --debug", "ok"),
        ("network --debug create n", "ok"),
        ("n ls --debug", "ok"),
        ("volume rm --debug x", "ok"),
        // `status` and `pull` are no names of the root's commands.
        (
            "system status --debug",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "image pull --debug x",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "list -a --debug",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "inspect x --debug",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "run --debug img",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "exec --debug id ls",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        (
            "network create --debug n",
            "64 Unknown option '--debug'. Did you mean '--debug'?",
        ),
        ("run img --debug", "ok"),
        (
            "--debug=1 list",
            "64 The option '--debug' does not take any value, but '1' was specified.",
        ),
    ]);
}

#[test]
fn correction_4_only_formats_say_their_values() {
    let four = "64 The value 'xml' is invalid for '--format <format>'. Please provide one of \
        'json', 'table', 'yaml' or 'toml'.";
    check_all(&[
        ("list --format xml", four),
        ("network ls --format=xml", four),
        (
            "machine list --format xml",
            "64 The value 'xml' is invalid for '--format <format>'. Please provide one of 'json' \
             and 'table'.",
        ),
        (
            "run --progress xml i",
            "64 The value 'xml' is invalid for '--progress <type>'",
        ),
        (
            "build --progress=none",
            "64 The value 'none' is invalid for '--progress <type>'",
        ),
        (
            "system property list --format table",
            "64 The value 'table' is invalid for '--format <format>'",
        ),
        ("list --format json", "ok"),
        ("run --progress plain i", "ok"),
        ("system property list --format json", "ok"),
    ]);
}

#[test]
fn correction_5_a_lone_dash_is_a_value() {
    check_all(&[
        ("run --env - img", "ok"),
        ("inspect -", "ok"),
        ("run --env -- img", "64 Missing value for '--env <env>'"),
        ("logs -n -1 id", "64 Missing value for '-n <n>'"),
        ("logs -n=-1 id", "ok"),
    ]);
}

#[test]
fn correction_6_some_checks_come_before_leftover_words() {
    check_all(&[
        (
            "stop --bogus",
            "1 no containers specified and --all not supplied",
        ),
        ("stop --bogus x", "64 Unknown option '--bogus'"),
        (
            "stop x -a",
            "1 explicitly supplied container IDs conflict with the --all flag",
        ),
        ("stop", "1 no containers specified and --all not supplied"),
        ("stop -a", "ok"),
        ("stop a b", "ok"),
        ("kill", "1 no containers specified and --all not supplied"),
        (
            "kill -a x",
            "1 explicitly supplied container IDs conflict with the --all flag",
        ),
        ("kill -s 9 x", "ok"),
        ("delete", "1 no containers specified and --all not supplied"),
        (
            "rm -a x",
            "1 explicitly supplied container ID(s) conflict with the --all flag",
        ),
        ("rm -af", "ok"),
        (
            "image delete",
            "1 no images specified and --all not supplied",
        ),
        (
            "i rm -a x",
            "1 explicitly supplied images conflict with the --all flag",
        ),
        ("image rm x", "ok"),
        (
            "network delete",
            "1 no networks specified and --all not supplied",
        ),
        (
            "n rm --all x",
            "1 explicitly supplied network name(s) conflict with the --all flag",
        ),
        ("network rm x y", "ok"),
        (
            "volume delete",
            "1 no volumes specified and --all not supplied",
        ),
        (
            "v rm --all x",
            "1 explicitly supplied volume name(s) conflict with the --all flag",
        ),
        ("volume rm x", "ok"),
        // A value that does not fit comes before any check.
        ("stop -t x", "64 The value 'x' is invalid for '-t <time>'"),
        ("stop --help", "help"),
    ]);
}

#[test]
fn correction_6_the_duration_of_system_logs() {
    let invalid = |value: &str| {
        format!(
            "1 invalid --last value '{value}': expected a positive integer (seconds) or a value \
             with suffix m, h, or d (e.g. 30, 5m, 1h, 2d)"
        )
    };
    for value in ["1x", "m", "0", "0m", "-1", "1.5h", "5mm"] {
        check_all(&[(&format!("system logs --last={value}"), &invalid(value))]);
    }
    for value in ["5m", "30", "1h", "2d", "+5m"] {
        check_all(&[(&format!("system logs --last {value}"), "ok")]);
    }
    check_all(&[
        ("system logs", "ok"),
        ("system logs --last 1x -f", "ok"),
        ("system logs --last 1x --bogus", &invalid("1x")),
    ]);
}

#[test]
fn correction_7_the_terminator_goes_before_the_image_and_stays_behind_it() {
    let arguments = |line: &str, name: &str| {
        let version = apple_stand_in::version::Version::V1_2_2;
        match crate::harness::judge(version, line) {
            apple_stand_in::argv::Outcome::Accepted(parsed) => parsed.words(name).to_vec(),
            other => panic!("{line}: {other:?}"),
        }
    };
    assert_eq!(arguments("run -- img ls", "image"), ["img"]);
    assert_eq!(arguments("run -- img ls", "arguments"), ["ls"]);
    assert_eq!(arguments("run -- img --rm", "arguments"), ["--rm"]);
    assert_eq!(arguments("run img -- ls", "arguments"), ["--", "ls"]);
    assert_eq!(arguments("exec id -- ls", "arguments"), ["--", "ls"]);
    assert_eq!(arguments("exec -- id -- ls", "arguments"), ["--", "ls"]);
    assert_eq!(arguments("inspect -- --x", "container-ids"), ["--x"]);
}

#[test]
fn correction_8_calls_for_help() {
    check_all(&[
        ("--help", "help"),
        ("-h", "help"),
        ("--version", "help"),
        ("--version list", "64 unknown option '--version'"),
        ("--help list", "64 unknown option '--help'"),
        ("-h list", "64 unknown option '-h'"),
        ("list --help", "help"),
        ("list --version", "help"),
        ("list -ah", "help"),
        ("list --bogus --help", "help"),
        ("run -h x", "help"),
        ("run --help", "help"),
        ("run x --help", "ok"),
        ("network --help", "help"),
        ("network create --help", "help"),
        // An error in a value is found before the call for help.
        (
            "logs -n x --help",
            "64 The value 'x' is invalid for '-n <n>'",
        ),
        (
            "list --format --help",
            "64 Missing value for '--format <format>'",
        ),
    ]);
}

#[test]
fn correction_9_suggestions_are_near_in_letters_only() {
    check_all(&[
        (
            "run --bogus x",
            "64 Unknown option '--bogus'. Did you mean '--cpus'?",
        ),
        (
            "list --al",
            "64 Unknown option '--al'. Did you mean '--all'?",
        ),
        ("list --bogusflag", "64 Unknown option '--bogusflag'"),
        ("list -x", "64 Unknown option '-x'"),
    ]);
}
