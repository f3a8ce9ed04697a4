//! `[dlp]`, what routes say about it, and placeholders.

use std::collections::BTreeSet;

use bottle_contract::dlp::{Entropy, OnMatch, Unscannable};

use super::Fixture;
use crate::manifest::{Canary, Dlp, EnvSource, Need, SecretSource, Slot, grants};

const ROUTE: &str = "[[egress.routes]]\nhost = \"api.test\"\n";

fn error(text: &str) -> String {
    Fixture::new(text).error()
}

fn granted(text: &str) -> Vec<String> {
    let fixture = Fixture::new(text);
    let loaded = fixture.load().unwrap();
    let grants = grants(&loaded);
    grants
        .iter()
        .map(|grant| fixture.plain(&grant.to_string()))
        .collect()
}

#[test]
fn without_the_table_everything_is_scanned_and_stopped() {
    let dlp = Fixture::new("").resolve().dlp;
    assert_eq!(dlp, Dlp::default());
    assert_eq!(
        (dlp.on_match, dlp.unscannable, dlp.entropy, dlp.canary),
        (
            OnMatch::Block,
            Unscannable::Deny,
            Entropy::Ignore,
            Canary::Planted
        )
    );
}

#[test]
fn the_table_folds_as_the_others_do() {
    let agent = "bottle = \"b\"\n[dlp]\nunscannable = \"deny\"\nrules = [\"own.toml\"]\n";
    let bottle = "[dlp]\non-match = \"redact\"\nunscannable = \"pass\"\nentropy = true\n\
                  canary = false\nrules = [\"base.toml\"]\n";
    let fixture = Fixture::new(agent)
        .bottle("b", bottle)
        .file("repo/own.toml", "own = 1")
        .file("bottles/base.toml", "base = 1");
    let dlp = fixture.resolve().dlp;
    assert_eq!(
        (dlp.on_match, dlp.unscannable, dlp.entropy, dlp.canary),
        (
            OnMatch::Redact,
            Unscannable::Deny,
            Entropy::Report,
            Canary::Absent
        )
    );
    let texts: Vec<&str> = dlp
        .rule_texts
        .iter()
        .map(|rules| rules.text.as_str())
        .collect();
    assert_eq!(texts, ["base = 1", "own = 1"]);
    assert!(dlp.rules[0].ends_with("base.toml") && dlp.rules[1].ends_with("own.toml"));
}

#[test]
fn parents_that_disagree_are_named() {
    let fixture = Fixture::new("bottle = \"c\"\n")
        .bottle("a", "[dlp]\non-match = \"redact\"\n")
        .bottle("b", "[dlp]\non-match = \"block\"\n")
        .bottle("c", "extends = [\"a\", \"b\"]\n");
    let error = fixture.load().map(drop).unwrap_err().to_string();
    assert!(error.contains("disagree about `dlp.on-match`"), "{error}");
}

#[test]
fn faults_are_placed_and_the_nearest_key_is_named() {
    for (text, expected) in [
        (
            "[dlp]\non-mach = \"block\"\n",
            "agent.toml:2:1: unknown key `on-mach`; did you mean `on-match`? (allowed here: \
             `canary`, `entropy`, `on-match`, `rules`, `unscannable`)",
        ),
        (
            "[dlp]\non-match = \"stop\"\n",
            "agent.toml:2:12: unknown value `stop`; allowed here: `block`, `redact`",
        ),
        (
            "[dlp]\non-match = \"ask\"\n",
            "agent.toml:2:12: `dlp.on-match = \"ask\"` is not supported yet; remove it",
        ),
        (
            "[dlp]\nunscannable = \"skip\"\n",
            "agent.toml:2:15: unknown value `skip`; allowed here: `deny`, `pass`",
        ),
    ] {
        assert_eq!(error(text), expected);
    }
    let missing = error("[dlp]\nrules = [\"none.toml\"]\n");
    assert!(
        missing.starts_with("agent.toml:2:10: `") && missing.contains("none.toml` does not exist"),
        "{missing}"
    );
}

#[test]
fn files_of_rules_have_a_bound_together() {
    let with = |size: usize| {
        Fixture::new("[dlp]\nrules = [\"a\", \"b\"]\n")
            .file("repo/a", "#".repeat(size))
            .file("repo/b", "#".repeat(size))
            .load()
            .map(drop)
    };
    assert!(with(1 << 19).is_ok());
    let error = with((1 << 19) + 1).unwrap_err().to_string();
    assert!(error.contains("more than 1 MiB together"), "{error}");
}

#[test]
fn a_route_says_otherwise() {
    let resolved = Fixture::new(&format!(
        "{ROUTE}on-match = \"redact\"\nunscannable = \"pass\"\n{ROUTE}"
    ))
    .resolve();
    let policy = resolved.policy();
    let [first, second] = &policy.routes[..] else {
        panic!("{policy:?}")
    };
    assert_eq!(first.dlp.on_match, Some(OnMatch::Redact));
    assert_eq!(first.dlp.unscannable, Some(Unscannable::Pass));
    assert!(second.dlp.is_default());
}

#[test]
fn a_placeholder_belongs_to_the_routes_of_its_hosts() {
    let resolved = Fixture::new(&format!(
        "[env]\nTOKEN = {{ host = \"REAL\", placeholder = true, for = [\"api.test\"] }}\n\
         PLAIN = {{ host = \"PLAIN\", placeholder = false }}\n\
         {ROUTE}\n[[egress.routes]]\nhost = \"*.api.test\"\n{ROUTE}paths = [\"/v2/**\"]\n"
    ))
    .resolve();
    let names: Vec<BTreeSet<String>> = resolved
        .policy()
        .routes
        .into_iter()
        .map(|route| route.dlp.placeholders)
        .collect();
    let token = BTreeSet::from(["TOKEN".to_owned()]);
    assert_eq!(names, [token.clone(), BTreeSet::new(), token]);
    let host = |variable: &str| SecretSource::Host {
        variable: variable.to_owned(),
    };
    assert_eq!(
        resolved.needs(),
        [
            Need {
                slot: Slot::Env("PLAIN".to_owned()),
                source: host("PLAIN")
            },
            Need {
                slot: Slot::Placeholder {
                    variable: "TOKEN".to_owned(),
                    secret: "REAL".to_owned()
                },
                source: host("REAL")
            },
        ]
    );
    assert!(matches!(
        resolved.env["TOKEN"],
        EnvSource::Placeholder { .. }
    ));
}

#[test]
fn a_placeholder_without_a_route_is_refused() {
    let with = |value: &str| error(&format!("[env]\nTOKEN = {value}\n{ROUTE}"));
    assert_eq!(
        with("{ host = \"REAL\", placeholder = true, for = [\"api.tset\"] }"),
        "agent.toml:2:1: the placeholder `TOKEN` is for `api.tset`, which is the `host` of no \
         route; did you mean `api.test`?"
    );
    assert!(
        with("{ host = \"REAL\", placeholder = true }")
            .contains("write `for = [\"api.example.com\"]`")
    );
    assert!(
        with("{ host = \"REAL\", for = [\"api.test\"] }").contains("`placeholder = true` only")
    );
    assert!(with("{ placeholder = true, for = [\"api.test\"] }").contains("write either"));
    // A credential of a route is never shown to the agent, so it needs no placeholder.
    let auth = format!(
        "{ROUTE}auth = {{ scheme = \"bearer\", secret = {{ host = \"A\", placeholder = true }} }}\n"
    );
    assert!(error(&auth).contains("unknown key `placeholder`"));
}

#[test]
fn what_makes_the_scan_weaker_needs_trust_and_nothing_else_does() {
    assert_eq!(
        granted(
            "[dlp]\non-match = \"block\"\nunscannable = \"deny\"\nentropy = true\ncanary = true\n"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        granted(
            "[dlp]\non-match = \"redact\"\nunscannable = \"pass\"\nentropy = false\ncanary = false\n"
        ),
        [
            "lets a request with a secret go on, with the secret replaced (agent.toml:2:12)",
            "lets bodies go out that cannot be scanned for secrets (agent.toml:3:15)",
            "does not report text that looks random, also where a bottle says so (agent.toml:4:11)",
            "plants no value as a trap for thieves (agent.toml:5:10)",
        ]
    );
    assert_eq!(
        granted(&format!(
            "[env]\nTOKEN = {{ host = \"REAL\", placeholder = true, for = [\"api.test\"] }}\n\
             {ROUTE}on-match = \"redact\"\nunscannable = \"pass\"\n"
        )),
        [
            "uses this host's variable `REAL` towards `api.test`, in the place of a placeholder \
             that the agent has as `TOKEN` (agent.toml:2:1)",
            "reaches `api.test` on port 443 and 80, replacing secrets instead of stopping the \
             request, also with what cannot be scanned for secrets (agent.toml:3:1)",
        ]
    );
}

#[test]
fn the_files_of_rules_are_part_of_what_is_trusted() {
    let digest = |rules: &str| {
        Fixture::new("[dlp]\nrules = [\"rules.toml\"]\n")
            .file("repo/rules.toml", rules)
            .load()
            .unwrap()
            .trust_digest
    };
    assert_eq!(digest("a = 1"), digest("a = 1"));
    assert_ne!(digest("a = 1"), digest("a = 2"));
}

#[test]
fn a_file_of_rules_that_cannot_be_read_is_refused_with_its_place() {
    let error = |rules: &str| {
        let fixture = Fixture::new("[dlp]\nrules = [\"rules.toml\"]\n");
        fixture.file("repo/rules.toml", rules).error()
    };
    let rule = "[[rules]]\nid = \"a\"\nregex = '''a+'''\n";
    assert!(
        Fixture::new("[dlp]\nrules = [\"rules.toml\"]\n")
            .file("repo/rules.toml", rule)
            .load()
            .is_ok()
    );
    for (rules, place, says) in [
        (format!("{rule}b ="), "rules.toml:4:", "format of gitleaks"),
        (format!("{rule}id = \"b\"\n"), "rules.toml:4:1", "duplicate"),
        (
            format!("[extend]\nuseDefault = true\n{rule}"),
            "rules.toml:1:1",
            "`extend` is not supported",
        ),
        (
            format!("{rule}required = []\n"),
            "rules.toml:4:12",
            "`required` is not supported",
        ),
        (
            "[[rules]]\nregex = \"a\"\n".to_owned(),
            "rules.toml:1:1",
            "a rule has no `id`",
        ),
    ] {
        let error = error(&rules);
        assert!(error.contains(place) && error.contains(says), "{error}");
    }
}
