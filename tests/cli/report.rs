//! `bottle report`: what goes in, and what must not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::world::{Fake, World};

const ID: &str = "demo-aaaaaa";
const TOKEN: &str = "planted-token-4711";
const LITERAL: &str = "planted-literal";
const GIVEN: &str = "planted-given";
const OTHER: &str = "planted-other-secret";
const STRANGE: &str = "ghp_0123456789abcdefghij";

const AGENT: &str = r#"name = "demo"
command = ["true"]

[image]
reference = "registry.invalid/nothing:1"

[env]
MODE = "planted-literal"

[[egress.routes]]
host = "api.example.com"
auth = { scheme = "bearer", secret = { host = "EXAMPLE_PAT" } }
"#;

/// A bottle that has failed, whose agent has printed all that it should not have.
fn world() -> World {
    let world = World::with_agent(AGENT)
        .engine("docker", Fake::Answers)
        .var("EXAMPLE_PAT", TOKEN)
        .var("OTHER_API_TOKEN", OTHER)
        .var("USER", "marvin");
    let record = json!({
        "format": 1, "id": ID, "agent": "demo", "backend": "docker",
        "created": "2026-01-01T00:00:00Z", "owner": "1000.abc", "version": "0.1.0",
        "manifest": "00ff", "phase": "failed", "keep": "failed",
        "source": world.path("work/agent.toml"),
    });
    let begun = json!({ "env": [format!("GIVEN={GIVEN}")], "command": ["true"] });
    let home = world.path("home").display().to_string();
    let log = format!(
        "harmless line\n{TOKEN} {LITERAL} {GIVEN}\n{OTHER} {STRANGE}\nby marvin in {home}/src\n"
    );
    let audit = json!({"seq": 1, "path": format!("/x?{TOKEN}")});
    let file = |name: &str| format!("state/bottle/{ID}/{name}");
    world
        .file(&file("record.json"), &record.to_string())
        .file(&file("begun.json"), &begun.to_string())
        .file(&file("lock"), "")
        .file(&file("agent.log"), &log)
        .file(&file("audit/audit.jsonl"), &format!("{audit}\n"))
}

#[test]
fn a_report_tells_what_happened_and_no_secret() {
    let world = world();
    let ran = world
        .bottle(&["report", ID, "--to", "bug.txt"])
        .ends_with(0);
    assert_eq!(ran.out(), "/ROOT/work/bug.txt\n");
    let path = world.path("work/bug.txt");
    let text = fs::read_to_string(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for planted in [TOKEN, LITERAL, GIVEN, OTHER, STRANGE, "marvin"] {
        assert!(!text.contains(planted), "`{planted}` in: {text}");
    }
    let home = world.path("home").display().to_string();
    assert!(!text.contains(&home), "{text}");
    // The control: what is harmless is all there, and what was taken out has its name.
    for there in [
        "harmless line",
        "[value of EXAMPLE_PAT] [value of MODE] [value of GIVEN]",
        "[value of OTHER_API_TOKEN] [credential]",
        "by [user] in ~/src",
        "\"phase\": \"failed\"",
        concat!("bottle ", env!("CARGO_PKG_VERSION")),
        "docker: ok",
        "docker create",
        "===== audit: audit.jsonl",
        "/x?[value of EXAMPLE_PAT]",
    ] {
        assert!(text.contains(there), "no `{there}` in: {text}");
    }
    for title in [
        "versions",
        "doctor",
        "log of the agent",
        "audit: audit.jsonl",
    ] {
        assert!(ran.err().contains(title), "{ran:?}");
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let world = world().file("work/bug.txt", "mine");
    let ran = world
        .bottle(&["report", ID, "--to", "bug.txt"])
        .ends_with(1);
    assert!(ran.err().contains("--to"), "{ran:?}");
    assert_eq!(
        fs::read_to_string(world.path("work/bug.txt")).unwrap(),
        "mine"
    );
    // The control: without a name it takes one of its own.
    let ran = world.bottle(&["report", ID]).ends_with(0);
    assert_eq!(ran.out(), format!("/ROOT/work/bottle-report-{ID}.txt\n"));
}
