//! What is taken, what is left, and why.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;
use crate::launch::homecoming::stage::{Stage, absent, file, folder, link};

fn take(stage: &Stage, words: &[&str], change: impl FnOnce(&mut Landing<'_>)) -> Outcome {
    let selection = Selection::new(words.iter().copied()).unwrap();
    let mut landing = Landing {
        selection: &selection,
        consent: Consent::Named,
        overwrite: Overwrite::Never,
        rehearsal: Rehearsal::No,
    };
    change(&mut landing);
    let to = Destination::Source(stage.source());
    pull(&stage.review(), &to, landing).unwrap()
}

fn taken(outcome: &Outcome) -> Vec<String> {
    assert!(outcome.failed.is_none(), "{outcome:?}");
    let mut names: Vec<String> = outcome.taken.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

fn why(outcome: &Outcome, name: &str) -> String {
    let found = outcome
        .left
        .iter()
        .find(|(path, _)| path.to_string() == name);
    found.map(|(_, why)| why.clone()).unwrap_or_default()
}

fn read(stage: &Stage, name: &str) -> Option<String> {
    fs::read_to_string(stage.source().join(name)).ok()
}

#[test]
fn work_comes_home_whole() {
    let stage = Stage::new(&[
        ("same", "s"),
        ("edited", "old"),
        ("gone", "g"),
        ("dir/in", "i"),
        ("swap", "f"),
    ]);
    stage.changes(&[
        ("edited", file("new", 0o640)),
        ("gone", absent()),
        ("dir", absent()),
        ("dir/in", absent()),
        ("fresh", folder()),
        ("fresh/deep", folder()),
        ("fresh/deep/file", file("x", 0o666)),
        ("link", link("fresh/deep/file")),
        ("swap", folder()),
        ("swap/inner", file("y", 0o644)),
    ]);
    let outcome = take(&stage, &[], |_| ());
    assert_eq!(outcome.left, []);
    assert_eq!(taken(&outcome).len(), 10);
    assert_eq!(read(&stage, "edited").as_deref(), Some("new"));
    assert_eq!(read(&stage, "link").as_deref(), Some("x"));
    assert_eq!(read(&stage, "swap/inner").as_deref(), Some("y"));
    assert!(!stage.source().join("gone").exists() && !stage.source().join("dir").exists());
    let mode = |name: &str| {
        fs::metadata(stage.source().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(
        (mode("edited"), mode("fresh/deep/file")),
        (0o640, 0o644),
        "nobody else may write"
    );
    // Once more: it is all there already.
    let again = take(&stage, &[], |_| ());
    assert_eq!((again.taken.len(), again.left.len()), (0, 0));
    assert_eq!(again.already, 10);
}

#[test]
fn what_changed_here_meanwhile_stays_unless_it_is_forced() {
    let stage = Stage::new(&[
        ("both", "base"),
        ("removed", "r"),
        ("deleted", "d"),
        ("mine", "m"),
    ]);
    stage.changes(&[
        ("both", file("agent", 0o644)),
        ("removed", file("agent", 0o644)),
        ("deleted", absent()),
        ("appeared", file("agent", 0o644)),
        ("mine", file("agent", 0o644)),
    ]);
    stage.write("both", "user");
    fs::remove_file(stage.source().join("removed")).unwrap();
    stage.write("deleted", "user");
    stage.write("appeared", "user");
    let outcome = take(&stage, &[], |_| ());
    assert_eq!(taken(&outcome), ["mine"]);
    for (name, words) in [
        ("both", "changed here"),
        ("removed", "removed here"),
        ("deleted", "changed here"),
        ("appeared", "something else"),
    ] {
        assert!(why(&outcome, name).contains(words), "{name}: {outcome:?}");
    }
    assert_eq!(read(&stage, "both").as_deref(), Some("user"));
    let forced = take(&stage, &[], |landing| landing.overwrite = Overwrite::Always);
    assert_eq!(taken(&forced), ["appeared", "both", "deleted", "removed"]);
    assert_eq!(read(&stage, "both").as_deref(), Some("agent"));
    assert!(!stage.source().join("deleted").exists());
}

#[test]
fn what_would_run_here_is_taken_only_when_it_is_named() {
    let risky = [
        (".git/hooks/pre-commit", file("x", 0o644)),
        (".git/config", file("x", 0o644)),
        (".github/workflows/ci.yml", file("x", 0o644)),
        (".vscode/tasks.json", file("x", 0o644)),
        (
            "package.json",
            file(r#"{"scripts":{"postinstall":"x"}}"#, 0o644),
        ),
        ("src/.envrc", file("x", 0o644)),
        ("tool.sh", file("x", 0o755)),
    ];
    let stage = Stage::new(&[("package.json", "{}"), (".git/config", "mine")]);
    let harmless = [
        ("src/a.rs", file("x", 0o644)),
        ("sub/package.json", file("{}", 0o644)),
    ];
    stage.changes(&[&risky[..], &harmless[..]].concat());
    let outcome = take(&stage, &[], |_| ());
    assert_eq!(taken(&outcome), ["src/a.rs", "sub/package.json"]);
    assert_eq!(outcome.left.len(), risky.len());
    // A folder does not stand for what hides in it; a name that says what it is does.
    assert_eq!(taken(&take(&stage, &["src"], |_| ())), Vec::<String>::new());
    assert_eq!(
        taken(&take(&stage, &["src/.envrc"], |_| ())),
        ["src/.envrc"]
    );
    assert_eq!(
        taken(&take(&stage, &[".github"], |_| ())),
        [".github/workflows/ci.yml"]
    );
    let all = take(&stage, &[], |landing| landing.consent = Consent::All);
    assert_eq!(all.left, []);
    assert_eq!(read(&stage, ".git/config").as_deref(), Some("x"));
}

#[test]
fn what_leads_out_or_is_no_file_is_never_taken() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    let stage = Stage::new(&[("sub/in", "i")]);
    stage.changes(&[
        ("absolute", link(target)),
        ("climb", link("../x")),
        ("sub/climb", link("../../x")),
        ("pipe", Some(Node::Special)),
        ("inside", link("sub/in")),
    ]);
    let outcome = take(&stage, &[], |landing| {
        landing.consent = Consent::All;
        landing.overwrite = Overwrite::Always;
    });
    assert_eq!(taken(&outcome), ["inside"]);
    assert_eq!(outcome.left.len(), 4);
}

#[test]
fn a_folder_that_became_a_link_here_is_not_written_through() {
    let outside = tempfile::tempdir().unwrap();
    let stage = Stage::new(&[("sub/in", "i")]);
    stage.changes(&[
        ("sub/new", file("x", 0o644)),
        ("sub/in", absent()),
        ("top", file("x", 0o644)),
    ]);
    fs::rename(stage.source().join("sub"), outside.path().join("sub")).unwrap();
    symlink(outside.path().join("sub"), stage.source().join("sub")).unwrap();
    let outcome = take(&stage, &[], |landing| landing.overwrite = Overwrite::Always);
    assert_eq!(taken(&outcome), ["top"]);
    assert!(why(&outcome, "sub/new").contains("symlink"), "{outcome:?}");
    let left: Vec<_> = fs::read_dir(outside.path().join("sub")).unwrap().collect();
    assert_eq!(left.len(), 1, "what is outside stays as it is");
}

#[test]
fn a_name_that_differs_in_case_only_writes_over_nothing() {
    let stage = Stage::new(&[("Readme", "user")]);
    stage.changes(&[
        ("readme", file("agent", 0o644)),
        ("README", file("other", 0o644)),
    ]);
    let outcome = take(&stage, &[], |_| ());
    // Where the file system knows no case, both are conflicts.
    let sensitive = !stage.source().join("rEADME").exists();
    assert_eq!(taken(&outcome).len(), if sensitive { 2 } else { 0 });
    assert_eq!(read(&stage, "Readme").as_deref(), Some("user"));
}

#[test]
fn a_rehearsal_and_another_folder_leave_the_source_alone() {
    let stage = Stage::new(&[("edited", "old"), ("gone", "g")]);
    stage.changes(&[("edited", file("new", 0o644)), ("gone", absent())]);
    let outcome = take(&stage, &[], |landing| landing.rehearsal = Rehearsal::Yes);
    assert_eq!(taken(&outcome), ["edited", "gone"]);
    assert_eq!(read(&stage, "edited").as_deref(), Some("old"));
    let other = tempfile::tempdir().unwrap();
    let selection = Selection::default();
    let landing = Landing {
        selection: &selection,
        consent: Consent::Named,
        overwrite: Overwrite::Never,
        rehearsal: Rehearsal::No,
    };
    let to = Destination::Other(other.path().to_owned());
    let outcome = pull(&stage.review(), &to, landing).unwrap();
    assert_eq!(
        (taken(&outcome), outcome.already),
        (vec!["edited".to_owned()], 1)
    );
    assert_eq!(read(&stage, "edited").as_deref(), Some("old"));
    assert_eq!(
        fs::read_to_string(other.path().join("edited")).unwrap(),
        "new"
    );
    let nowhere = Destination::Other(Path::new("/nonexistent/folder").to_owned());
    assert!(pull(&stage.review(), &nowhere, landing).is_err());
}

#[test]
fn what_ends_it_half_way_is_named_and_what_was_taken_is_whole() {
    let stage = Stage::new(&[("dir/in", "i")]);
    stage.changes(&[
        ("a", file("x", 0o644)),
        ("dir", file("y", 0o644)),
        ("dir/in", absent()),
        ("z", file("x", 0o644)),
    ]);
    // Something of the user's own keeps the folder from going.
    stage.write("dir/own", "user");
    let outcome = take(&stage, &[], |landing| landing.overwrite = Overwrite::Always);
    let error = outcome.failed.as_ref().unwrap().to_string();
    assert!(error.contains("`dir`"), "{error}");
    let names: Vec<String> = outcome.taken.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["dir/in", "a"]);
    assert_eq!(read(&stage, "a").as_deref(), Some("x"));
    assert_eq!(read(&stage, "dir/own").as_deref(), Some("user"));
}
