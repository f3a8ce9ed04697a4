//! `bottle audit`, on logs as a sidecar writes them and on what became of such logs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{Ran, World};

const ID: &str = "demo-aaaaaa";

/// What the lines of the log say, beside their places in it.
const EVENTS: [&str; 6] = [
    r#""event":"opened","bottle":"demo-aaaaaa","version":"0.1.0","routes":1"#,
    r#""event":"decision","id":1,"verdict":"allow","route":0,"scheme":"https","method":"GET","host":"a.test","port":443,"path":"/x?q=***""#,
    r#""event":"finished","id":1,"status":200,"bytes_out":3,"bytes_in":40,"millis":5"#,
    r#""event":"decision","id":2,"verdict":"deny","reason":"host","method":"CONNECT","host":"b.test","port":8443"#,
    r#""event":"decision","id":3,"verdict":"deny","reason":"path","scheme":"https","method":"GET","host":"a.test","port":443,"path":"/y""#,
    r#""event":"decision","id":4,"verdict":"deny","reason":"git-push","scheme":"https","method":"GET","host":"a.test","port":443,"path":"/git-receive-pack""#,
];

fn hash(line: &str) -> String {
    Sha256::digest(line)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
}

fn lines() -> Vec<String> {
    let mut prev = "0".repeat(64);
    let mut lines = Vec::new();
    for (index, event) in EVENTS.iter().enumerate() {
        let line = format!(
            r#"{{"seq":{},"prev":"{prev}","time":"T",{event}}}"#,
            index + 1
        );
        prev = hash(&line);
        lines.push(line);
    }
    lines
}

fn text(lines: &[String]) -> String {
    lines
        .iter()
        .flat_map(|line| [line.as_str(), "\n"])
        .collect()
}

/// A bottle that has ended, whose log has these files.
fn world(files: &[(&str, String)]) -> World {
    world_with(files, &Value::Null)
}

/// The same, with where the log ended as the record has it.
fn world_with(files: &[(&str, String)], head: &Value) -> World {
    let record = json!({
        "audit-head": head,
        "format": 1, "id": ID, "agent": "demo", "backend": "docker",
        "created": "2026-01-01T00:00:00Z", "owner": "1000.abc", "version": "0.1.0",
        "manifest": "00ff", "phase": "ended", "keep": "asked"
    });
    let state = |name: &str| format!("state/bottle/{ID}/{name}");
    let mut world = World::new()
        .file(&state("record.json"), &record.to_string())
        .file(&state("lock"), "");
    for (name, text) in files {
        world = world.file(&state(&format!("audit/{name}")), text);
    }
    world
}

/// The log in two files.
fn whole() -> World {
    let lines = lines();
    world(&[
        ("audit.1.jsonl", text(&lines[..3])),
        ("audit.jsonl", text(&lines[3..])),
    ])
}

fn verify(world: &World) -> Ran {
    world.bottle(&["audit", ID, "--verify"])
}

#[test]
fn the_lines_of_all_files_are_shown_in_order() {
    let world = whole();
    let shown = world.bottle(&["audit", ID]).ends_with(0);
    insta::assert_snapshot!(shown.out(), @"
    T  opened    1 routes
    T  allow     GET https://a.test:443/x?q=***
    T  deny      CONNECT b.test:8443  (no route names this host)
    T  deny      GET https://a.test:443/y  (the route does not allow this path)
    T  deny      GET https://a.test:443/git-receive-pack  (a git push does not go through a plain route)
    ");
    let json = world.bottle(&["audit", ID, "--json"]).ends_with(0);
    assert_eq!(json.raw_out, text(&lines()));
    // Of a bottle that has ended there is nothing to follow.
    let followed = world.bottle(&["audit", ID, "--follow"]).ends_with(0);
    assert_eq!(followed.out(), shown.out());
}

#[test]
fn stats_sum_by_host_and_say_what_would_allow_each_denial() {
    let world = whole();
    let shown = world.bottle(&["audit", ID, "--stats"]).ends_with(0);
    insta::assert_snapshot!(shown.out(), @r#"
    HOST         VERDICT  REQUESTS  SENT  RECEIVED
    a.test:443   allow    1         3     40
    a.test:443   deny     2         0     0
    b.test:8443  deny     1         0     0

    denied 1×: a.test:443 (a git push does not go through a plain route)

    denied 1×: a.test:443 (the route does not allow this path)
    to allow it, add to the manifest:

    paths = ["/y"]  # in the route for a.test

    denied 1×: b.test:8443 (no route names this host)
    to allow it, add to the manifest:

    [[egress.routes]]
    host = "b.test"
    port = 8443
    "#);
    let json = world
        .bottle(&["audit", ID, "--stats", "--json"])
        .ends_with(0);
    let json = json.json();
    assert_eq!(
        json["hosts"][0],
        json!({"host": "a.test:443", "verdict": "allow", "requests": 1, "bytes_out": 3, "bytes_in": 40})
    );
    assert_eq!(
        json["denials"][2]["add"],
        json!(["[[egress.routes]]\nhost = \"b.test\"\nport = 8443"])
    );
}

#[test]
fn a_log_as_it_was_written_is_found_whole() {
    let ran = verify(&whole()).ends_with(0);
    insta::assert_snapshot!(
        ran.out(),
        @"6 lines, none missing, changed or moved; the end was not compared: the bottle does not run"
    );
    let json = whole()
        .bottle(&["audit", ID, "--verify", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(
        (&json["lines"], &json["problems"]),
        (&json!(6), &Value::Array(Vec::new()))
    );
}

#[test]
fn what_became_of_a_log_is_found_with_its_place() {
    let lines = lines();
    let check = |first: &[String], second: &[String], expected: &str| {
        let world = world(&[
            ("audit.1.jsonl", text(first)),
            ("audit.jsonl", text(second)),
        ]);
        let ran = verify(&world).ends_with(1);
        assert!(ran.raw_out.contains(expected), "{expected}: {ran:?}");
        assert!(
            ran.raw_err.contains("is not as its sidecar wrote it"),
            "{ran:?}"
        );
        let json = world
            .bottle(&["audit", ID, "--verify", "--json"])
            .ends_with(1);
        assert!(!json.json()["problems"].as_array().unwrap().is_empty());
    };
    check(
        &lines[..2],
        &lines[3..],
        "audit.jsonl:1: line 3 of the log is missing before it\n",
    );
    let mut changed = lines.clone();
    changed[3] = changed[3].replace("b.test", "c.test");
    check(
        &changed[..3],
        &changed[3..],
        "audit.jsonl:2: the line before it was changed, or this one was put in\n",
    );
    check(
        &lines[3..],
        &lines[..3],
        "audit.1.jsonl:1: lines 1 to 3 of the log are missing before it\n",
    );
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    check(
        &swapped[..3],
        &swapped[3..],
        "audit.1.jsonl:3: line 2 of the log stands where line 4 belongs\n",
    );
    let other: Vec<String> = lines
        .iter()
        .map(|line| line.replace(ID, "other-aaaaaa"))
        .collect();
    check(
        &other[..1],
        &[],
        "audit.1.jsonl:1: the log does not begin with the first line of this bottle\n",
    );
    check(
        &["{\"half".to_owned()],
        &lines,
        "audit.1.jsonl:1: the line is damaged\n",
    );
    check(&[], &[], "the log is empty\n");
}

#[test]
fn a_log_that_was_cut_after_the_end_is_found_by_the_record() {
    let lines = lines();
    let hash = hash(&lines[4]);
    let check = |lines: &[String], hash: &str, status: i32, expected: &str| {
        let head = json!({"seq": 5, "hash": hash});
        let ran = verify(&world_with(&[("audit.jsonl", text(lines))], &head)).ends_with(status);
        assert!(ran.raw_out.contains(expected), "{ran:?}");
    };
    let same = "the end is the one that the sidecar told when the bottle ended";
    check(&lines[..5], &hash, 0, same);
    // The sidecar may write some more before it goes.
    check(&lines, &hash, 0, same);
    check(
        &lines[..3],
        &hash,
        1,
        "lines 4 to 5 of the log are missing at the end",
    );
    check(
        &lines,
        &"0".repeat(64),
        1,
        "line 5 of the log is not the one that the sidecar wrote",
    );
}

#[test]
fn half_a_line_at_the_end_is_said_and_is_no_break() {
    let torn = format!("{}{{\"seq\":7,\"pr", text(&lines()));
    let ran = verify(&world(&[("audit.jsonl", torn)])).ends_with(0);
    assert!(
        ran.raw_out
            .starts_with("the last line is torn: 12 bytes without an end"),
        "{ran:?}"
    );
}

#[test]
fn a_bottle_without_a_log_says_so() {
    for args in [&["--verify"][..], &["--stats"], &[]] {
        let args = [&["audit", ID][..], args].concat();
        let ran = world(&[]).bottle(&args).ends_with(1);
        assert!(ran.raw_err.contains("has no audit log at"), "{ran:?}");
    }
    for args in [["--verify", "--follow"], ["--verify", "--stats"]] {
        let args = [&["audit", ID][..], &args].concat();
        whole().bottle(&args).ends_with(2);
    }
}
