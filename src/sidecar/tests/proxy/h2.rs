//! HTTP/2 inside a tunnel: every stream is decided by itself, by the same rules.

use bottle_contract::audit::{Outcome, Protocol};
use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use http::{Request, Response};
use tokio::io::AsyncWriteExt as _;

use crate::agent::{exchange, read_h2};
use crate::origin::{Body, Origin, text};
use crate::world::{PIN, World, route};

/// What a client of HTTP/2 sends first, with settings that say nothing.
pub(crate) const PREFACE: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

pub(crate) fn get(url: &str) -> Request<Body> {
    Request::get(url).body(text("")).unwrap()
}

/// Puts an origin that speaks these protocols at the pin.
pub(crate) async fn origin(world: &World, protocols: &[&[u8]]) -> Origin {
    let origin = Origin::speaking(&world.ca, &["api.test", "other.test"], protocols).await;
    world.fake.place(PIN, 443, origin.address);
    origin
}

#[tokio::test]
async fn each_stream_is_decided_by_itself() {
    let narrow = Route {
        methods: Some(vec!["GET".parse().unwrap(), "POST".parse().unwrap()]),
        paths: Some(vec!["/v1/**".parse().unwrap()]),
        ..route("api.test")
    };
    let world = World::start(&[narrow]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("api.test").await;
    for (method, path, status, reason) in [
        ("GET", "/v1/a?b=c", 200, ""),
        ("GET", "/v2/a", 403, "path"),
        ("PUT", "/v1/a", 403, "method"),
        ("GET", "/v1/%2e%2e/v2", 400, "malformed"),
        ("GET", "/v1/a%2fb", 403, "ambiguous-path"),
        ("TRACE", "/v1/a", 501, "malformed"),
        ("POST", "/v1/b", 200, ""),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://api.test{path}"));
        let answer = read_h2(&mut sender, request.body(text("four")).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-bottle-denied")),
            (status, reason),
            "{method} {path}: {}",
            answer.body
        );
    }
    let seen = origin.take();
    let seen: Vec<_> = seen
        .iter()
        .map(|seen| (&*seen.method, &*seen.target, &*seen.body))
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", "https://api.test/v1/a?b=c", &b"four"[..]),
            ("POST", "https://api.test/v1/b", b"four"),
        ]
    );
    let decisions = world.decisions();
    assert_eq!(decisions.len(), 7);
    assert!(
        decisions
            .iter()
            .all(|decision| decision.protocol == Some(Protocol::H2))
    );
    assert_eq!(decisions[0].verdict, Outcome::Allow);
    assert_eq!(decisions[0].path.as_deref(), Some("/v1/a?b=***"));
    let finished = world.finished(1).await;
    assert_eq!((finished.bytes_out, finished.bytes_in), (4, 21));
    assert_eq!((finished.status, finished.error), (Some(200), None));
}

#[tokio::test]
async fn the_names_of_a_stream_must_be_those_of_the_tunnel() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("api.test").await;
    for (url, hosts, status, reason) in [
        ("https://api.test/", &[][..], 200, None),
        ("https://API.test:443/", &[], 200, None),
        ("https://api.test/", &["api.test"], 200, None),
        ("https://other.test/", &[], 421, Some(Reason::NameMismatch)),
        ("https://api.test:80/", &[], 421, Some(Reason::NameMismatch)),
        (
            "https://api.test/",
            &["other.test"],
            421,
            Some(Reason::NameMismatch),
        ),
        (
            "https://api.test/",
            &["api.test", "api.test"],
            400,
            Some(Reason::Malformed),
        ),
        ("https://api.test./", &[], 400, Some(Reason::Malformed)),
        ("https://u@api.test/", &[], 400, Some(Reason::Malformed)),
        ("http://api.test/", &[], 400, Some(Reason::Malformed)),
    ] {
        let mut request = Request::get(url).version(http::Version::HTTP_2);
        for host in hosts {
            request = request.header("host", *host);
        }
        let answer = read_h2(&mut sender, request.body(text("")).unwrap()).await;
        assert_eq!(answer.status, status, "{url} {hosts:?}: {}", answer.body);
        assert_eq!(
            world.decisions().pop().unwrap().reason,
            reason,
            "{url} {hosts:?}"
        );
    }
    assert_eq!(origin.take().len(), 3);
}

#[tokio::test]
async fn a_server_name_that_differs_is_refused_in_h2_too() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let agent = world.agent.with_alpn(b"h2");
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let tls = agent.handshake(stream, "other.test").await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(tls);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let answer = read_h2(&mut sender, get("https://other.test/")).await;
    assert_eq!(answer.status, 421);
    assert_eq!(answer.header("x-bottle-denied"), "name-mismatch");
    assert!(origin.take().is_empty());
    let mut sender = world.agent.h2("other.test").await;
    let answer = read_h2(&mut sender, get("https://other.test/")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn fields_are_read_strictly() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("api.test").await;
    let many = vec![("x", "a"); 150];
    for (fields, status) in [
        (&[("content-length", "0")][..], 200),
        (&[("te", "trailers")], 200),
        (&[("content-length", "0"), ("content-length", "0")], 400),
        (&[("expect", "200-maybe")], 417),
        (&many, 431),
    ] {
        let mut request = Request::get("https://api.test/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = read_h2(&mut sender, request.body(text("")).unwrap()).await;
        assert_eq!(answer.status, status, "{:?}", fields.first());
    }
    assert_eq!(origin.take().len(), 2);
    let connect = Request::connect("api.test:443").body(text("")).unwrap();
    let answer = read_h2(&mut sender, connect).await;
    assert_eq!(answer.status, 501);
    assert!(answer.body.contains("CONNECT inside a tunnel"));
}

#[tokio::test]
async fn what_belongs_to_the_connection_or_the_sidecar_stays_there() {
    let world = World::start(&[route("api.test")]).await;
    for protocols in [&[&b"h2"[..]][..], &[b"http/1.1"]] {
        let origin = origin(&world, protocols).await;
        origin.answer(|request| async move {
            let mut seen: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .filter(|line| !line.starts_with("host: "))
                .collect();
            seen.sort();
            let mut response = Response::new(text(&seen.join("\n")));
            for (name, value) in [("alt-svc", "h3=\":443\""), ("x-end", "2")] {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        });
        let mut sender = world.agent.h2("api.test").await;
        let request = Request::get("https://api.test/")
            .header("x-forwarded-host", "evil.test")
            .header("proxy-authorization", "Basic x")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("x-end", "1")
            .body(text(""));
        let answer = read_h2(&mut sender, request.unwrap()).await;
        assert_eq!(answer.body, "cookie: a=1; b=2\nx-end: 1");
        assert_eq!(
            (answer.header("x-end"), answer.header("alt-svc")),
            ("2", "")
        );
        assert_eq!(answer.header("connection"), "");
        // The next turn dials anew.
        world
            .sidecar
            .respond(bottle_contract::control::Request::Reload {
                policy: bottle_contract::policy::Policy {
                    routes: vec![route("api.test")],
                },
                secrets: std::collections::BTreeMap::new(),
            });
    }
}

#[tokio::test]
async fn either_side_may_speak_only_one_protocol() {
    let world = World::start(&[route("api.test")]).await;
    for (number, protocols) in (1..).zip([
        &[&b"h2"[..]][..],
        &[b"http/1.1"],
        &[],
        &[b"h2", b"http/1.1"],
    ]) {
        let origin = origin(&world, protocols).await;
        let policy = bottle_contract::policy::Policy {
            routes: vec![route("api.test"); number],
        };
        let secrets = std::collections::BTreeMap::new();
        world
            .sidecar
            .respond(bottle_contract::control::Request::Reload { policy, secrets });
        for _ in 0..2 {
            let answer = world
                .agent
                .ask("POST", "https://api.test/a", &[], "hi")
                .await;
            assert_eq!(
                (answer.status.as_u16(), &*answer.body),
                (200, "hello from the origin")
            );
            let mut sender = world.agent.h2("api.test").await;
            let request = Request::post("https://api.test/b").body(text("ho"));
            let answer = read_h2(&mut sender, request.unwrap()).await;
            assert_eq!(
                (answer.status.as_u16(), &*answer.body),
                (200, "hello from the origin")
            );
        }
        let bodies: Vec<_> = origin.take().into_iter().map(|seen| seen.body).collect();
        assert_eq!(bodies, ["hi", "ho", "hi", "ho"], "{protocols:?}");
    }
}

#[tokio::test]
async fn two_routes_never_share_a_connection_in_h2() {
    let mut first = route("api.test");
    first.paths = Some(vec!["/a/**".parse().unwrap()]);
    let mut second = route("api.test");
    second.paths = Some(vec!["/b/**".parse().unwrap()]);
    let world = World::start(&[first, second]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("api.test").await;
    for (path, connections) in [
        ("/a/1", 1),
        ("/a/2", 1),
        ("/b/1", 2),
        ("/b/2", 2),
        ("/a/3", 2),
    ] {
        let answer = read_h2(&mut sender, get(&format!("https://api.test{path}"))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(origin.connections(), connections, "{path}");
    }
}

/// HTTP/2 without TLS, and HTTP/2 that was not agreed on.
#[tokio::test]
async fn h2_by_prior_knowledge_is_refused() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let preface = std::str::from_utf8(PREFACE).unwrap();
    assert_eq!(world.agent.raw(preface).await, "");
    assert_eq!(world.last_denial().reason, Some(Reason::Malformed));

    let stream = world.agent.tunnel("api.test").await.unwrap();
    exchange(stream, preface).await;
    assert!(world.last_denial().detail.unwrap().contains("ClientHello"));

    for agent in [world.agent.with_alpn(b"http/1.1"), world.agent.clone()] {
        assert_eq!(agent.raw_inside("api.test", preface).await, "");
        assert_eq!(world.last_denial().protocol, Some(Protocol::H1));
    }
    // And HTTP/1.1 where HTTP/2 was agreed on.
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let agent = world.agent.with_alpn(b"h2");
    let mut tls = agent.handshake(stream, "api.test").await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
        .await
        .unwrap();
    let answer = exchange(tls, "").await;
    assert!(!answer.contains("hello from the origin"), "{answer}");
    let denial = world.last_denial();
    assert_eq!(denial.protocol, Some(Protocol::H2));
    assert!(denial.detail.unwrap().contains("not HTTP/2"));
    assert_eq!(origin.connections(), 0);
    let mut sender = world.agent.h2("api.test").await;
    let answer = read_h2(&mut sender, get("https://api.test/")).await;
    assert_eq!(answer.status, 200);
}
