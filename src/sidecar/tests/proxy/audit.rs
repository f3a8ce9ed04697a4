//! The audit log comes first, says what happened, and stops everything when it cannot be written.

use std::path::PathBuf;
use std::sync::Arc;

use bottle_contract::audit::{AuditEvent, NO_LINE, Outcome, Protocol};
use bottle_contract::config::LogLevel;
use bottle_contract::control::{Reply, Request as Control};
use bottle_contract::policy::{Auth, AuthScheme, Route};
use bottle_contract::verdict::Reason;
use http::Response;
use rustix::fs::{Mode, OFlags};

use crate::origin::text;
use crate::world::{Setup, World, route};

#[tokio::test]
async fn the_line_is_there_before_the_first_byte() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let log: Arc<PathBuf> = Arc::new(world.log.clone());
    origin.answer(move |_| {
        // As it is when the request arrives.
        let log = std::fs::read_to_string(&*log).unwrap();
        async move { Response::new(text(&log)) }
    });
    let answer = world.agent.get("https://api.test/hello?token=abc").await;
    let line = answer.body.lines().last().unwrap();
    assert!(line.contains(r#""event":"decision""#), "{line}");
    assert!(line.contains(r#""path":"/hello?token=***""#), "{line}");
    assert!(!answer.body.contains("abc\""), "{line}");
}

#[tokio::test]
async fn a_request_has_a_beginning_and_an_end() {
    let world = World::start(&[route("api.test")]).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    let answer = world
        .agent
        .ask("POST", "https://api.test/a", &[], "four")
        .await;
    assert_eq!(answer.status, 200);
    let decision = world.decisions().remove(0);
    assert_eq!(decision.verdict, Outcome::Allow);
    assert_eq!((decision.id, decision.route), (1, Some(0)));
    assert_eq!(decision.method.as_deref(), Some("POST"));
    assert_eq!(decision.host.as_deref(), Some("api.test"));
    assert_eq!(decision.port, Some(443));
    assert_eq!(decision.address.as_deref(), Some("10.9.8.7"));
    assert!(!decision.credential);
    let finished = world.finished(1).await;
    assert_eq!(finished.status, Some(200));
    assert_eq!((finished.bytes_out, finished.bytes_in), (4, 21));
    assert_eq!(finished.error, None);
}

#[tokio::test]
async fn the_log_ends_where_the_sidecar_says() {
    let world = World::start(&[route("api.test")]).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    for requests in 1..=2 {
        world.agent.get("https://api.test/").await;
        world.finished(requests).await;
        let Reply::AuditHead { head } = world.sidecar.respond(Control::AuditHead) else {
            panic!("it does not say");
        };
        let log = std::fs::read_to_string(&world.log).unwrap();
        let last = log.lines().last().unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, last.as_bytes());
        let digest = format!("{digest:?}").to_lowercase();
        assert_eq!(head.seq, 1 + 2 * requests);
        assert_eq!(digest, format!("sha256:{}", head.hash));
        let first = world.records().remove(0);
        assert_eq!((first.seq, first.prev.as_str()), (1, NO_LINE));
        let AuditEvent::Opened { bottle, .. } = first.event else {
            panic!("{:?}", first.event);
        };
        assert_eq!(bottle.unwrap().as_str(), "test-abc234");
    }
}

#[tokio::test]
async fn the_level_headers_shows_headers_and_no_credential() {
    let bearer = Route {
        auth: Some(Auth {
            scheme: AuthScheme::Header {
                name: "x-ours".to_owned(),
            },
            secret: "TOKEN".to_owned(),
        }),
        ..route("api.test")
    };
    for (level, expected) in [(LogLevel::Headers, true), (LogLevel::Decisions, false)] {
        let mut setup = Setup::new(std::slice::from_ref(&bearer)).secret("TOKEN", "hunter2-ours");
        setup.config.log = level;
        let world = setup.start().await;
        let origin = world.tls_origin(&["api.test"]).await;
        origin.answer(|_| async {
            let mut response = Response::new(text("yes"));
            for (name, value) in [
                ("set-cookie", "sid=hunter2"),
                ("x-ours", "hunter2-ours"),
                ("x-request-id", "req-7"),
            ] {
                let value = http::HeaderValue::from_static(value);
                response.headers_mut().insert(name, value);
            }
            response
        });
        let sent = [
            ("authorization", "Bearer hunter2"),
            ("x-ours", "hunter2"),
            ("accept", "text/tool"),
        ];
        let url = "https://api.test/";
        assert_eq!(world.agent.ask("GET", url, &sent, "").await.status, 200);
        let finished = world.finished(1).await;
        let decision = world.decisions().remove(0);
        assert_eq!(decision.protocol, Some(Protocol::H1));
        let value = |headers: &[(String, String)], wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        for (headers, name, shown) in [
            (&decision.headers, "accept", "text/tool"),
            (&decision.headers, "authorization", "***"),
            (&decision.headers, "x-ours", "***"),
            (&finished.headers, "x-request-id", "req-7"),
            (&finished.headers, "set-cookie", "***"),
            (&finished.headers, "x-ours", "***"),
        ] {
            let shown = expected.then(|| shown.to_owned());
            assert_eq!(value(headers, name), shown, "{name}");
        }
        let log = std::fs::read_to_string(&world.log).unwrap();
        assert!(!log.contains("hunter2"), "{log}");
    }
}

#[tokio::test]
async fn the_level_none_keeps_denials_only() {
    let mut setup = Setup::new(&[route("api.test")]);
    setup.config.log = LogLevel::None;
    let world = setup.start().await;
    let origin = world.tls_origin(&["api.test"]).await;
    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert_eq!(world.agent.get("https://evil.test/").await.status, 403);
    assert_eq!(origin.take().len(), 1);
    let decisions = world.decisions();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].reason, Some(Reason::Host));
}

/// A pipe without a reader is a log that opens but cannot be written.
#[tokio::test]
async fn without_the_log_nothing_gets_out() {
    let mut setup = Setup::new(&[route("api.test")]);
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("audit.pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RWXU).unwrap();
    // A program that another test starts must not hold the reading end open.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let reader = rustix::fs::open(&pipe, flags, Mode::empty()).unwrap();
    setup.config.audit_path = pipe.to_str().unwrap().to_owned();
    let world = setup.start().await;
    let origin = world.tls_origin(&["api.test"]).await;

    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert_eq!(origin.take().len(), 1);
    drop(reader);
    let connections = origin.connections();
    let answer = world.agent.get("https://api.test/").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-bottle-denied"), "audit-unavailable");
    assert!(origin.take().is_empty());
    assert_eq!(origin.connections(), connections);
    let reload = world.sidecar.respond(Control::Reload {
        policy: bottle_contract::policy::Policy::default(),
        secrets: std::collections::BTreeMap::new(),
    });
    assert!(matches!(reload, Reply::Error { .. }), "{reload:?}");
}
