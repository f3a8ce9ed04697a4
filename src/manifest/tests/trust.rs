//! What an agent file grants itself, what its digest covers, and what is decided about it.

use std::os::unix::fs::symlink;

use bottle_contract::config::LogLevel;

use super::Fixture;
use crate::manifest::{Decision, Grant, Place, Standing, Terminal, TrustFlag, decide, grants};

fn granted(fixture: &Fixture) -> Vec<String> {
    let loaded = fixture.load().unwrap();
    let grants = grants(&loaded);
    grants
        .iter()
        .map(|grant| fixture.plain(&grant.to_string()))
        .collect()
}

fn check(agent: &str, expected: &[&str]) {
    assert_eq!(granted(&Fixture::new(agent)), expected, "{agent}");
}

#[test]
fn an_agent_that_grants_itself_nothing_needs_no_trust() {
    check(
        "bottle = \"claude\"\ncommand = [\"x\"]\nprompt = \"y\"\n[env]\nA = \"literal\"\n[workspace]\n\
         source = \".\"\nmode = \"mount-ro\"\n[resources]\ncpus = 1\n[image]\nreference = \"r\"\n\
         user = \"1000\"\nread-only = true\n[egress]\nlog = \"decisions\"\n[seal]\nhost-access = \
         \"refuse\"\n",
        &[],
    );
}

/// It takes something out of the log, where `headers` only adds to it.
#[test]
fn less_in_the_log_is_a_grant_and_more_is_none() {
    check(
        "[egress]\nlog = \"none\"\n",
        &["keeps permitted requests out of the audit log (agent.toml:2:7)"],
    );
    check("[egress]\nlog = \"headers\"\n", &[]);
    let resolved = Fixture::new("[egress]\nlog = \"headers\"\n").resolve();
    assert_eq!(resolved.egress.log, LogLevel::Headers);
}

#[test]
fn each_grant_is_one_line_and_placed() {
    check(
        "[env]\nA = { host = \"TOKEN\" }\nB = { ask = \"Passcode\" }\n",
        &[
            "shows the agent this host's variable `TOKEN`, as `A` (agent.toml:2:1)",
            "asks you for \"Passcode\" and shows the agent the answer, as `B` (agent.toml:3:1)",
        ],
    );
    check(
        "[[egress.routes]]\nhost = \"*.a.test\"\n",
        &["reaches `*.a.test` on port 443 and 80 (agent.toml:1:1)"],
    );
    check(
        "[[egress.routes]]\nhost = \"a.test\"\nport = 8443\nmethods = [\"GET\", \"PUT\"]\n\
         paths = [\"/v1/**\"]\naddress = \"10.0.0.7\"\n\
         auth = { scheme = \"bearer\", secret = { host = \"TOKEN\" } }\n",
        &[
            "reaches `a.test` on port 8443 with GET, PUT at `/v1/**`, by the address 10.0.0.7, with \
           the credential in this host's variable `TOKEN` (agent.toml:1:1)",
        ],
    );
    check(
        "[workspace]\nmode = \"mount\"\n",
        &[
            "lets the agent change files of this host: the workspace is mounted, not copied \
           (agent.toml:2:8)",
        ],
    );
    check(
        "[image]\nuser = \"root\"\nread-only = false\n[seal]\nhost-access = \"warn\"\n[egress]\nlog = \
         \"none\"\n",
        &[
            "runs the agent as root of its container (agent.toml:2:8)",
            "makes the root file system writable, also where a bottle says read-only \
             (agent.toml:3:13)",
            "starts although services of this host can be reached, with a warning only \
             (agent.toml:5:15)",
            "keeps permitted requests out of the audit log (agent.toml:7:7)",
        ],
    );
}

#[test]
fn files_that_an_agent_brings_are_granted() {
    let fixture =
        Fixture::new("[image]\ndockerfile = \"Dockerfile\"\n[egress]\nextra-ca = [\"ca.pem\"]\n")
            .file("repo/Dockerfile", "FROM scratch")
            .file("repo/ca.pem", "-----BEGIN CERTIFICATE-----");
    assert_eq!(
        granted(&fixture),
        [
            "builds an image from `Dockerfile` with the files of `repo`, also when those files change: its steps run with network \
             access, outside the bottle (agent.toml:2:14)",
            "trusts the certificates in `ca.pem` for every host that it reaches (agent.toml:4:13)",
        ]
    );
}

#[test]
fn a_resolver_of_its_own_is_a_grant() {
    check(
        "[egress]\nfallback-resolver = \"192.0.2.53\"\n",
        &[
            "asks 192.0.2.53 for names when this machine's settings name no resolver (agent.toml:2:21)",
        ],
    );
    let bottle = Fixture::new("bottle = \"b\"\n")
        .bottle("b", "[egress]\nfallback-resolver = \"192.0.2.53\"\n");
    assert!(granted(&bottle).is_empty());
}

#[test]
fn what_lies_outside_the_agents_folder_is_granted_wherever_links_lead() {
    let make = |source: &str| {
        Fixture::new(&format!("[workspace]\nsource = \"{source}\"\n"))
            .file("repo/src/x", "")
            .file("other/x", "")
    };
    assert!(granted(&make("src")).is_empty());
    assert!(granted(&make("src/..")).is_empty());
    let outside = "gives the agent the folder";
    assert!(granted(&make("../other"))[0].starts_with(outside));
    assert!(granted(&make("src/../../other"))[0].starts_with(outside));
    let linked = make("link");
    symlink(linked.path("other"), linked.path("repo/link")).unwrap();
    assert!(granted(&linked)[0].starts_with(outside));
    let inside = make("link");
    symlink(inside.path("repo/src"), inside.path("repo/link")).unwrap();
    assert!(granted(&inside).is_empty());
}

#[test]
fn a_prompt_from_outside_is_granted() {
    let make = |path: &str| {
        Fixture::new(&format!("prompt-file = \"{path}\"\n"))
            .file("repo/p.md", "p")
            .file("id_rsa", "p")
    };
    assert!(granted(&make("p.md")).is_empty());
    assert_eq!(granted(&make("../id_rsa")).len(), 1);
}

#[test]
fn what_a_bottle_grants_needs_no_trust() {
    let text = "[workspace]\nsource = \"/\"\nmode = \"mount\"\n[env]\nA = { host = \"T\" }\n\
                [[egress.routes]]\nhost = \"a.test\"\n[image]\nuser = \"root\"\n";
    let by_bottle = Fixture::new("bottle = \"b\"\n").bottle("b", text);
    assert!(granted(&by_bottle).is_empty());
    assert_eq!(granted(&Fixture::new(text)).len(), 5);
}

#[test]
fn text_from_the_file_cannot_steer_the_terminal() {
    let fixture =
        Fixture::new("[workspace]\nsource = \"../a\\u001b[2Jb\"\n").file("a\u{1b}[2Jb/x", "");
    let found = granted(&fixture);
    assert!(found[0].contains("a\\u{1b}[2Jb"), "{found:?}");
    assert!(!found[0].contains('\u{1b}'));
}

#[test]
fn the_digest_covers_what_is_trusted() {
    let make = |agent: &str, prompt: &str, dockerfile: &str, ca: &str| {
        let fixture = Fixture::new(agent)
            .file("repo/p.md", prompt)
            .file("repo/Dockerfile", dockerfile)
            .file("repo/ca.pem", format!("-----BEGIN CERTIFICATE-----{ca}"))
            .bottle("b", ca);
        fixture.load().unwrap().trust_digest
    };
    let agent = "bottle = \"b\"\nprompt-file = \"p.md\"\n[image]\ndockerfile = \"Dockerfile\"\n[egress]\n\
                 extra-ca = [\"ca.pem\"]\n";
    let digest = make(agent, "p", "FROM a", "");
    assert_eq!(make(agent, "p", "FROM a", ""), digest);
    assert_ne!(make(&format!("{agent}#"), "p", "FROM a", ""), digest);
    assert_ne!(make(agent, "q", "FROM a", ""), digest);
    assert_ne!(make(agent, "p", "FROM b", ""), digest);
    assert_ne!(make(agent, "p", "FROM a", "#"), digest);
    // The user's own bottles are no part of it.
    let with = |bottle: &str| {
        let fixture = Fixture::new("bottle = \"b\"\n").bottle("b", bottle);
        fixture.load().unwrap().trust_digest
    };
    assert_eq!(with(""), with("# other"));
}

#[test]
fn a_decision_is_made_from_grants_standing_flag_and_terminal() {
    let grant = Grant {
        place: Place {
            file: "agent.toml".into(),
            line: 1,
            column: 1,
        },
        text: String::new(),
    };
    let some = [grant];
    for standing in [Standing::Trusted, Standing::Changed, Standing::Unknown] {
        for flag in [TrustFlag::Given, TrustFlag::Absent] {
            for terminal in [Terminal::Present, Terminal::Absent] {
                assert_eq!(decide(&[], standing, flag, terminal), Decision::Run);
                let expected = match (standing, flag, terminal) {
                    (Standing::Trusted, _, _) | (_, TrustFlag::Given, _) => Decision::Run,
                    (_, _, Terminal::Present) => Decision::Ask,
                    (_, _, Terminal::Absent) => Decision::Refuse,
                };
                assert_eq!(decide(&some, standing, flag, terminal), expected);
            }
        }
    }
}
