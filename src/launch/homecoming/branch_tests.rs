//! Branches, made with a real git in a repository of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::launch::homecoming::stage::{Left, Stage, absent, file, folder, link};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn git(stage: &Stage, args: &[&str]) -> String {
    let program = process::find("git", OsStr::new(PATH)).unwrap();
    let folder = stage.source();
    let identity = ["-c", "user.name=User", "-c", "user.email=user@example.com"];
    let words = ["-C", folder.to_str().unwrap()]
        .into_iter()
        .chain(identity)
        .chain(args.iter().copied());
    let captured = process::run(&Invocation::new(program, words), GIT).unwrap();
    assert!(captured.success(), "{args:?}: {}", captured.stderr_text());
    captured.stdout_text().into_owned()
}

fn make(stage: &Stage, name: &str, words: &[&str]) -> Result<Branched> {
    let selection = Selection::new(words.iter().copied()).unwrap();
    branch(
        stage.review(),
        &Branch {
            name,
            id: &"demo-abcdef".parse().unwrap(),
            agent: "demo",
            path: OsStr::new(PATH),
            selection: &selection,
            consent: Consent::Named,
        },
    )
}

fn repository() -> Stage {
    let stage = Stage::new(&[
        ("kept", "k"),
        ("edited", "old\n"),
        ("gone", "g"),
        ("swap", "f"),
        (".gitignore", "target\n"),
    ]);
    git(&stage, &["init", "--quiet", "--initial-branch=main"]);
    git(&stage, &["add", "--all"]);
    git(&stage, &["commit", "--quiet", "--message=first"]);
    stage
}

/// What an agent did, for better and for worse.
fn work() -> [(&'static str, Left); 12] {
    [
        ("edited", file("new\n", 0o644)),
        ("gone", absent()),
        ("a\nb\"c", file("odd", 0o644)),
        ("-rf", file("x", 0o644)),
        ("swap", folder()),
        ("swap/inner", link("../kept")),
        ("target", folder()),
        ("target/out", file("built", 0o644)),
        (".git/hooks/post-checkout", file("evil", 0o644)),
        (".git/refs/heads/agent", file("evil", 0o644)),
        (".github/workflows/ci.yml", file("evil", 0o644)),
        ("out", link("/etc/passwd")),
    ]
}

/// Plants hooks of the user's own that must not run either, and returns what shows that one did.
fn plant_hooks(stage: &Stage) -> PathBuf {
    let ran = stage.source().join("ran");
    let script = format!("#!/bin/sh\ntouch '{}'\n", ran.display());
    for hook in ["reference-transaction", "post-commit", "post-index-change"] {
        let name = format!(".git/hooks/{hook}");
        stage.write(&name, &script);
        fs::set_permissions(
            stage.source().join(&name),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }
    ran
}

#[test]
fn a_branch_has_the_work_and_the_work_tree_stays_as_it_is() {
    let stage = repository();
    stage.changes(&work());
    let ran = plant_hooks(&stage);
    let before = git(
        &stage,
        &["-c", "core.hooksPath=/dev/null", "status", "--short"],
    );
    let made = make(&stage, "agent/work", &[]).unwrap();
    assert!(!ran.exists(), "a hook ran");
    let left: Vec<String> = made.left.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(
        left,
        [
            ".git/hooks/post-checkout",
            ".github/workflows/ci.yml",
            "out"
        ]
    );
    assert_eq!((made.ignored, made.records), (1, 1));
    let show = [
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.quotePath=true",
    ];
    let names = git(
        &stage,
        &[
            &show[..],
            &[
                "diff",
                "--name-status",
                "--no-renames",
                "main",
                "agent/work",
            ],
        ]
        .concat(),
    );
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "A\t\"a\\nb\\\"c\"",
            "A\t-rf",
            "A\tswap/inner",
            "D\tgone",
            "D\tswap",
            "M\tedited"
        ]
    );
    assert_eq!(git(&stage, &["show", "agent/work:edited"]), "new\n");
    assert_eq!(git(&stage, &["show", "agent/work:swap/inner"]), "../kept");
    let author = git(&stage, &["log", "-1", "--format=%an %ae", "agent/work"]);
    assert_eq!(author, "demo demo-abcdef@bottle.invalid\n");
    let after = git(
        &stage,
        &["-c", "core.hooksPath=/dev/null", "status", "--short"],
    );
    assert_eq!(before, after);
    assert_eq!(
        fs::read_to_string(stage.source().join("edited")).unwrap(),
        "old\n"
    );
}

#[test]
fn what_is_named_is_in_it_but_never_gits_own() {
    let stage = repository();
    stage.changes(&[
        (".github/ci.yml", file("x", 0o644)),
        (".git/config", file("x", 0o644)),
        ("edited", file("new", 0o644)),
    ]);
    let made = make(&stage, "named", &[".github/ci.yml", ".git/config"]).unwrap();
    assert_eq!(made.taken, 1);
    assert!(made.left[0].1.contains("git's own"), "{made:?}");
    assert_eq!(git(&stage, &["show", "named:edited"]), "old\n");
}

#[test]
fn what_the_user_committed_since_is_not_undone() {
    let stage = repository();
    let first = git(&stage, &["rev-parse", "HEAD"]);
    let stage = stage.copied_at(first.trim());
    stage.changes(&[("edited", file("agent\n", 0o644))]);
    stage.write("kept", "user\n");
    git(&stage, &["commit", "--quiet", "--all", "--message=second"]);
    make(&stage, "since", &[]).unwrap();
    let parent = git(&stage, &["rev-parse", "since^"]);
    assert_eq!(parent, first);
    let changed = git(&stage, &["diff", "--name-only", "main...since"]);
    assert_eq!(changed, "edited\n");
    // A commit that is not here leads to the one that is checked out.
    let stage = stage.copied_at(&"1".repeat(40));
    make(&stage, "other", &[]).unwrap();
    assert_eq!(
        git(&stage, &["rev-parse", "other^"]),
        git(&stage, &["rev-parse", "main"])
    );
}

#[test]
fn files_of_a_repository_within_stay_out_of_the_branch() {
    let stage = Stage::new(&[("a", "old"), ("sub/.git", "gitdir: x"), ("sub/b", "old")]);
    git(&stage, &["init", "--quiet", "--initial-branch=main"]);
    stage.changes(&[
        ("a", file("new", 0o644)),
        ("sub/b", file("new", 0o644)),
        ("fresh/.git", folder()),
        ("fresh/.git/config", file("x", 0o644)),
        ("fresh/c", file("new", 0o644)),
    ]);
    let made = make(&stage, "work", &[]).unwrap();
    assert_eq!(made.taken, 1, "{made:?}");
    let [(config, _), (fresh, why), (sub, other)] = &made.left[..] else {
        panic!("{made:?}");
    };
    assert_eq!(
        [config, fresh, sub].map(ToString::to_string),
        ["fresh/.git/config", "fresh/c", "sub/b"]
    );
    assert!(why.contains("another repository, in `fresh`"), "{why}");
    assert!(other.contains("another repository, in `sub`"), "{other}");
}

#[test]
fn a_branch_that_exists_or_is_no_name_is_refused() {
    let stage = repository();
    stage.changes(&[("edited", file("new", 0o644))]);
    for (name, words) in [
        ("main", "exists already"),
        ("-x", "no name for a branch"),
        ("a..b", "no name for a branch"),
        ("a b\nreset", "no name for a branch"),
        ("", "no name for a branch"),
    ] {
        let error = make(&stage, name, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    assert_eq!(make(&stage, "fresh", &[]).unwrap().taken, 1);
}

#[test]
fn a_folder_below_the_top_of_a_repository_and_one_outside_of_any() {
    let stage = Stage::new(&[("a", "old")]);
    stage.changes(&[("a", file("new", 0o644))]);
    let error = make(&stage, "work", &[]).unwrap_err().to_string();
    assert!(error.contains("in no git repository"), "{error}");
    let top = stage.source().parent().unwrap().to_owned();
    let program = process::find("git", OsStr::new(PATH)).unwrap();
    let init = Invocation::new(program, ["init", "--quiet", top.to_str().unwrap()]);
    assert!(process::run(&init, GIT).unwrap().success());
    // There is no commit yet.
    assert_eq!(make(&stage, "work", &[]).unwrap().taken, 1);
    assert_eq!(git(&stage, &["show", "work:source/a"]), "new");
}
