//! What the runtime gets of a command line that fits.

use apple_stand_in::argv::{Outcome, Parsed};
use apple_stand_in::version::Version;

use crate::harness::judge;

fn accepted(line: &str) -> Parsed {
    match judge(Version::V1_2_2, line) {
        Outcome::Accepted(parsed) => parsed,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_command_has_its_full_name() {
    for (line, command) in [
        ("ls", "list"),
        ("rm x", "delete"),
        ("cp a b", "copy"),
        ("n rm x", "network delete"),
        ("i ls", "image list"),
        ("r logout x", "registry logout"),
        ("v ls", "volume list"),
        ("s status", "system status"),
        ("system dns ls", "system dns list"),
        ("m ls", "machine list"),
        ("--debug network create x", "network create"),
    ] {
        assert_eq!(accepted(line).command, command, "{line}");
    }
}

#[test]
fn options_are_held_by_their_first_long_name() {
    let parsed = accepted(
        "run -it -e A=b --env C --cwd /a -w /b -l x=y -p 1:2 -v a:b --remove img sh -c ls",
    );
    assert!(parsed.flag("interactive") && parsed.flag("tty"));
    assert!(parsed.flag("rm"), "`--remove` is the second name of `--rm`");
    assert!(!parsed.flag("detach") && !parsed.flag("remove"));
    assert_eq!(parsed.values("env"), ["A=b", "C"]);
    assert_eq!(parsed.value("workdir"), Some("/b"), "the last wins");
    assert_eq!(parsed.value("label"), Some("x=y"));
    assert_eq!(parsed.value("publish"), Some("1:2"));
    assert_eq!(parsed.value("volume"), Some("a:b"));
    assert_eq!(parsed.value("name"), None);
    assert_eq!(parsed.word("image"), Some("img"));
    assert_eq!(parsed.words("arguments"), ["sh", "-c", "ls"]);
}

#[test]
fn an_option_without_a_long_name_is_held_by_its_letter() {
    assert_eq!(accepted("logs -n 5 id").value("n"), Some("5"));
    assert_eq!(accepted("volume create -s 20G v").value("s"), Some("20G"));
    assert_eq!(accepted("machine create -n m img").value("name"), Some("m"));
}

#[test]
fn a_letter_means_what_its_command_says() {
    assert!(accepted("run -t img").flag("tty"));
    assert_eq!(accepted("stop -t 7 x").value("time"), Some("7"));
    assert_eq!(accepted("build -t a /ctx").values("tag"), ["a"]);
    assert!(accepted("start -a x").flag("attach"));
    assert!(accepted("stop -a").flag("all"));
    assert_eq!(accepted("run -a arm64 x").value("arch"), Some("arm64"));
}

#[test]
fn of_a_switch_and_its_opposite_the_last_is_held() {
    let parsed = accepted("system start --enable-kernel-install --disable-kernel-install");
    assert!(parsed.flag("disable-kernel-install"));
    assert!(!parsed.flag("enable-kernel-install"));
}

#[test]
fn the_log_level_of_the_root_is_held() {
    assert!(accepted("--debug list").flag("debug"));
    assert!(!accepted("list").flag("debug"));
}
