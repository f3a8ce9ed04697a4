//! What a manifest says about scanning: rules, replacing in the place of stopping, live changes.

use bottle_contract::control::{Reply, Request};
use bottle_contract::dlp::{Entropy, OnMatch, RuleText};
use bottle_contract::live::Change;
use bottle_contract::verdict::Reason;
use bottle_sidecar::app::Sidecar;

use crate::dlp_world::{CANARY, NEIGHBOUR, PLACEHOLDER, REAL, SECRET, bottle, keeper};
use crate::world::route;

const RULES: &str = r#"
[[rules]]
id = "ticket"
description = "A ticket of ours"
regex = '''tkt-[0-9]{6}'''
keywords = ["tkt-"]
"#;

fn rules(text: &str) -> Vec<RuleText> {
    vec![RuleText {
        name: "rules.toml".to_owned(),
        text: text.to_owned(),
    }]
}

#[tokio::test]
async fn a_rule_of_the_manifest_stops_a_body() {
    let mut setup = bottle();
    setup.config.dlp.rules = rules(RULES);
    let world = setup.start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let post = async |body: &str| {
        let url = "https://plain.test/";
        world.agent.ask("POST", url, &[], body).await
    };
    let answer = post("see tkt-123456 there").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, "rule")
    );
    let decision = world.stopped_by("ticket", "body");
    assert_eq!(decision.reason, Some(Reason::Rule));
    got.never("tkt-123456");
    let answer = post("see tkt-12345 there").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(got.take().pop().unwrap().whole);
}

#[tokio::test]
async fn text_that_looks_random_is_reported_where_that_is_asked_for_and_never_stopped() {
    let body = "id 4fQz8LmX2vTb9KpR7sYw3JhN6cGd1BxZ end";
    for (entropy, expected) in [
        (Entropy::Report, &["high-entropy"][..]),
        (Entropy::Ignore, &[]),
    ] {
        let mut setup = bottle();
        setup.config.dlp.entropy = entropy;
        let world = setup.start().await;
        let (_origin, got) = keeper(&world, &[]).await;
        let url = "https://plain.test/";
        let answer = world.agent.ask("POST", url, &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(got.take().pop().unwrap().whole);
        let warnings = world.finished(1).await.warnings;
        let detectors: Vec<&str> = warnings.iter().map(|found| &*found.detector).collect();
        assert_eq!(detectors, expected);
    }
}

#[tokio::test]
async fn rules_that_cannot_be_read_are_an_error_with_their_place() {
    let mut setup = bottle();
    setup.config.dlp.rules = rules("[[rules]]\nid = \"broken\"\nregex = '''(unclosed'''\n");
    let outside = setup.outside();
    let error = Sidecar::start(setup.config, outside).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("rules.toml:") && error.contains("`broken`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_route_may_replace_what_others_stop() {
    let mut setup = bottle();
    for route in &mut setup.config.policy.routes {
        if route.host.to_string() == "plain.test" {
            route.dlp.on_match = Some(OnMatch::Redact);
        }
    }
    let world = setup.start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let body = format!("before {SECRET} between {CANARY} after {NEIGHBOUR}");
    let answer = world
        .agent
        .ask("POST", "https://plain.test/", &[], &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let arrived = got.take().pop().unwrap();
    assert!(arrived.whole && !arrived.holds(SECRET) && !arrived.holds(CANARY));
    let text = String::from_utf8(arrived.body).unwrap();
    assert!(
        text.starts_with("before ") && text.ends_with(NEIGHBOUR),
        "{text}"
    );
    let id = world.decisions().pop().unwrap().id;
    let redacted = world.finished(id).await.redacted;
    let places: Vec<&str> = redacted.iter().map(|found| &*found.place).collect();
    assert_eq!(places, ["body"]);

    // A head is stopped all the same, and so is every other route.
    let answer = world
        .agent
        .get(&format!("https://plain.test/{SECRET}"))
        .await;
    assert_eq!(answer.status, 403);
    let answer = world
        .agent
        .ask("POST", "https://auth.test/", &[], &body)
        .await;
    assert_eq!(answer.status, 403);
    got.never(SECRET);
    world.log_is_clean();
}

#[tokio::test]
async fn a_route_that_is_added_is_scanned_like_the_others() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let allow = |change: Change| {
        world.sidecar.respond(Request::Change {
            change: Box::new(change),
            seconds: None,
            by: "test".to_owned(),
        })
    };
    let added = bottle_contract::policy::Route {
        address: None,
        ..route("plain.test")
    };
    let mut weaker = added.clone();
    weaker.dlp.on_match = Some(OnMatch::Redact);
    let reply = allow(Change::Allow { route: weaker });
    assert!(matches!(reply, Reply::Error { .. }), "{reply:?}");
    let reply = allow(Change::Allow { route: added });
    assert!(matches!(reply, Reply::Routes { .. }), "{reply:?}");
    // What `inspect` shows: names, and no value.
    let shown = serde_json::to_string(&reply).unwrap();
    assert!(shown.contains("\"placeholders\":[\"TOKEN\"]"), "{shown}");
    for value in [SECRET, CANARY, PLACEHOLDER, REAL] {
        assert!(!shown.contains(value), "{shown}");
    }
    let body = [(SECRET, 403), (NEIGHBOUR, 200)];
    for (value, status) in body {
        let answer = world
            .agent
            .ask("POST", "https://plain.test/", &[], value)
            .await;
        assert_eq!(answer.status, status);
    }
    assert!(got.take().iter().all(|arrived| !arrived.holds(SECRET)));
}
