//! `bottle check`.

use crate::world::World;

const AGENT: &str = r#"name = "reviewer"
command = ["true"]

[image]
reference = "debian:bookworm-slim"

[[egress.routes]]
host = "api.example.com"
methods = ["GET"]
paths = ["/v1/**"]
"#;

#[test]
fn a_good_manifest_is_ok() {
    let ran = World::with_agent(AGENT).bottle(&["check"]).ends_with(0);
    assert_eq!(ran.out(), "reviewer: ok (/ROOT/work/agent.toml)\n");
    assert_eq!(ran.err(), "");
    let resolved = World::with_agent(AGENT)
        .bottle(&["check", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(resolved["name"], "reviewer");
    assert_eq!(
        resolved["egress"]["routes"][0]["route"]["host"],
        "api.example.com"
    );
}

#[test]
fn a_misspelt_table_is_shown_with_its_place_and_the_nearest_key() {
    let text = "name = \"a\"\n\n[egres]\nlog = \"none\"\n";
    let ran = World::with_agent(text).bottle(&["check"]).ends_with(1);
    assert_eq!(ran.out(), "");
    insta::assert_snapshot!(ran.err(), @"
    error: /ROOT/work/agent.toml:3:2: unknown key `egres`; did you mean `egress`? (allowed here: `bottle`, `command`, `dlp`, `egress`, `env`, `image`, `name`, `native`, `prompt`, `prompt-file`, `resources`, `seal`, `workdir`, `workspace`)
        |
      3 | [egres]
        |  ^^^^^
    ");
}

#[test]
fn what_is_not_toml_and_what_is_not_there_are_told_apart() {
    let broken = World::with_agent("name = \n")
        .bottle(&["check"])
        .ends_with(1);
    assert!(
        broken.err().contains("/ROOT/work/agent.toml:1:"),
        "{broken:?}"
    );
    let absent = World::new().bottle(&["check", "other.toml"]).ends_with(1);
    assert!(absent.err().contains("does not exist"), "{absent:?}");
    assert!(absent.err().contains("bottle init"), "{absent:?}");
}

#[test]
fn what_is_odd_is_a_warning_and_no_failure() {
    let odd = AGENT.replace("\"GET\"", "\"get\"");
    let ran = World::with_agent(&odd).bottle(&["check"]).ends_with(0);
    assert!(ran.err().starts_with("warning: "), "{ran:?}");
    assert!(ran.out().contains("ok"), "{ran:?}");
}

#[test]
fn a_url_is_answered_as_the_proxy_would() {
    let world = World::with_agent(AGENT);
    let allowed = world
        .bottle(&["check", "--url", "https://api.example.com/v1/me"])
        .ends_with(0);
    insta::assert_snapshot!(allowed.out(), @"
    allow  GET https://api.example.com/v1/me
    route: /ROOT/work/agent.toml:7:1
    ");
    let path = world
        .bottle(&["check", "--url", "https://api.example.com/v2"])
        .ends_with(1);
    insta::assert_snapshot!(path.out(), @r#"
    deny  GET https://api.example.com/v2
    route: /ROOT/work/agent.toml:7:1
    reason: the route does not allow this path
    to allow it, add:
    paths = ["/v2"]  # in the route for api.example.com
    "#);
    let host = world
        .bottle(&["check", "--url", "https://other.example.com/"])
        .ends_with(1);
    insta::assert_snapshot!(host.out(), @r#"
    deny  GET https://other.example.com/
    reason: no route names this host
    to allow it, add:
    [[egress.routes]]
    host = "other.example.com"
    "#);
    let method = ["check", "--url", "https://api.example.com/v1/me"];
    let method = world
        .bottle(&[&method[..], &["--method", "POST"]].concat())
        .ends_with(1);
    assert!(method.out().starts_with("deny  POST "), "{method:?}");
    for ran in [allowed, path, host, method] {
        assert_eq!(ran.err(), "");
    }
}

#[test]
fn an_answer_as_json() {
    let world = World::with_agent(AGENT);
    let ask = |url: &str, status| {
        world
            .bottle(&["check", "--json", "--url", url])
            .ends_with(status)
            .json()
    };
    let allowed = ask("https://api.example.com/v1/me", 0);
    assert_eq!(allowed["verdict"], "allow");
    assert!(allowed.get("reason").is_none() && allowed.get("remedy").is_none());
    let denied = ask("https://other.example.com/", 1);
    assert_eq!(denied["verdict"], "deny");
    assert_eq!(denied["reason"], "host");
    let remedy = denied["remedy"].as_str().unwrap();
    // What it says to add makes it pass.
    let mended = World::with_agent(&format!("{AGENT}\n{remedy}\n"));
    mended
        .bottle(&["check", "--url", "https://other.example.com/"])
        .ends_with(0);
}

#[test]
fn what_is_no_url_is_a_wrong_command_line() {
    let world = World::with_agent(AGENT);
    for url in ["nonsense", "ftp://api.example.com/", "https://"] {
        let ran = world.bottle(&["check", "--url", url]).ends_with(2);
        assert!(ran.err().contains("is not a URL"), "{ran:?}");
    }
}
