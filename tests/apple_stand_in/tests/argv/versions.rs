//! Section 1.2 and correction 10: what a version has and the one before has not.

use apple_stand_in::version::Version::{self, V0_12_3, V1_0_0, V1_1_0, V1_2_2, V1_5_0};

use crate::harness::{check, judge};

#[track_caller]
fn check_since(first: Version, line: &str) {
    for version in [V1_0_0, V1_1_0, V1_2_2, V1_5_0] {
        let expected = if version >= first { "ok" } else { "64" };
        check(version, line, expected);
    }
}

#[test]
fn options_come_with_their_version() {
    for line in [
        "run --kernel-arg quiet img",
        "create --kernel-arg quiet img",
        "run --masked-path /a img",
        "run --read-only-path /a img",
        "build --ssh '' /ctx",
        "system kernel set --digest sha256:00 --tar t",
    ] {
        check_since(V1_2_2, line);
    }
    for line in [
        "machine create --kernel k img",
        "machine create --virtualization img",
    ] {
        check_since(V1_1_0, line);
    }
    for line in ["run --shm-size 1g img", "cp a b", "help run", "machine ls"] {
        let expected = if line.starts_with("help") {
            "help"
        } else {
            "ok"
        };
        check(V1_0_0, line, expected);
    }
}

#[test]
fn versions_without_a_grammar_of_their_own_use_the_nearest() {
    for line in [
        "run --kernel-arg a img",
        "list --all",
        "build --ssh '' /ctx",
    ] {
        assert_eq!(judge(V1_5_0, line), judge(V1_2_2, line), "{line}");
        assert_eq!(judge(V0_12_3, line), judge(V1_0_0, line), "{line}");
    }
}

#[test]
fn the_root_counts_the_words_of_a_call_for_help_by_the_parsers_version() {
    for (line, refusal) in [
        ("--debug --help", "64 unknown option '--help'"),
        ("--debug --version", "64 unknown option '--version'"),
    ] {
        check(V1_0_0, line, refusal);
        check(V1_1_0, line, refusal);
        check(V1_2_2, line, "help");
    }
    for version in [V1_0_0, V1_1_0, V1_2_2] {
        check(version, "--help", "help");
        check(version, "--help --debug", "64 unknown option '--help'");
    }
}
