//! What gets through, what does not, and what the agent is told.

use bottle_contract::policy::{GitAccess, Route};
use bottle_contract::verdict::Reason;

use crate::world::{World, route};

#[tokio::test]
async fn an_allowed_request_reaches_its_origin_and_a_denied_one_does_not() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test", "evil.test"]).await;

    let answer = world.agent.get("https://api.test/hello?a=1").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, "hello from the origin")
    );
    let seen = origin.only();
    assert_eq!((&*seen.method, &*seen.target), ("GET", "/hello?a=1"));
    assert_eq!(seen.headers["host"], "api.test");

    let answer = world.agent.get("https://evil.test/hello").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-bottle-denied"), "host");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    for part in [
        "evil.test",
        "no route names this host",
        "[[egress.routes]]\nhost = \"evil.test\"",
    ] {
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    assert!(origin.take().is_empty());
    assert_eq!(world.last_denial().reason, Some(Reason::Host));
}

#[tokio::test]
async fn the_clear_way_is_decided_like_the_other() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.plain_origin().await;
    assert_eq!(world.agent.get("http://api.test/a?b=c").await.status, 200);
    let seen = origin.only();
    assert_eq!(
        (&*seen.target, &seen.headers["host"]),
        ("/a?b=c", &"api.test".parse().unwrap())
    );
    let answer = world.agent.get("http://evil.test/a").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, "host")
    );
    assert!(origin.take().is_empty());
}

#[tokio::test]
async fn each_part_of_a_route_counts() {
    let narrow = Route {
        methods: Some(vec!["GET".parse().unwrap()]),
        paths: Some(vec!["/v1/**".parse().unwrap()]),
        ..route("*.api.test")
    };
    let world = World::start(&[narrow]).await;
    let origin = world.tls_origin(&["a.api.test"]).await;
    for (method, url, status, reason) in [
        ("GET", "https://a.api.test/v1/x", 200, ""),
        ("POST", "https://a.api.test/v1/x", 403, "method"),
        ("GET", "https://a.api.test/v2/x", 403, "path"),
        ("GET", "https://a.api.test/v1/%2e%2e/v2", 400, "malformed"),
        ("GET", "https://a.api.test/v1/a%2fb", 403, "ambiguous-path"),
        ("GET", "https://api.test/v1/x", 403, "host"),
        ("GET", "https://a.api.test.evil.test/v1/x", 403, "host"),
        ("GET", "https://a.api.test:8443/v1/x", 403, "port"),
        ("GET", "https://a.api.test:22/v1/x", 403, "port"),
    ] {
        let answer = world.agent.ask(method, url, &[], "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-bottle-denied")),
            (status, reason),
            "{method} {url}: {}",
            answer.body
        );
    }
    assert_eq!(origin.take().len(), 1);
}

#[tokio::test]
async fn a_git_push_goes_nowhere_and_a_fetch_where_it_may() {
    let fetch = Route {
        git: GitAccess::Fetch,
        ..route("git.test")
    };
    let world = World::start(&[fetch]).await;
    let origin = world.tls_origin(&["git.test"]).await;
    let refs = "https://git.test/a.git/info/refs?service=";
    assert_eq!(
        world
            .agent
            .get(&format!("{refs}git-upload-pack"))
            .await
            .status,
        200
    );
    assert_eq!(origin.take().len(), 1);
    let answer = world.agent.get(&format!("{refs}git-receive-pack")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, "git-push")
    );
    assert!(origin.take().is_empty());
}

#[tokio::test]
async fn an_empty_policy_lets_nothing_out() {
    let world = World::start(&[]).await;
    assert_eq!(world.agent.get("https://api.test/").await.status, 403);
    assert_eq!(world.agent.get("http://api.test/").await.status, 403);
    assert!(world.fake.dialled.lock().unwrap().is_empty());
    assert!(world.fake.looked_up.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_supported_is_refused_at_once() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let plain = world.plain_origin().await;
    let head = "Host: api.test\r\nConnection: close";
    for (request, status) in [
        (format!("GET /a HTTP/1.1\r\n{head}"), "400"),
        (format!("GET https://api.test/ HTTP/1.1\r\n{head}"), "400"),
        (format!("GET ftp://api.test/ HTTP/1.1\r\n{head}"), "400"),
        (format!("OPTIONS * HTTP/1.1\r\n{head}"), "400"),
        (
            format!("GET http://u:p@api.test/ HTTP/1.1\r\n{head}"),
            "400",
        ),
        (
            format!("GET http://api.test:65616/ HTTP/1.1\r\n{head}"),
            "400",
        ),
        (
            format!("GET http://api.test/ HTTP/1.1\r\n{head}\r\nUpgrade: TLS/1.0"),
            "501",
        ),
        (format!("TRACE http://api.test/ HTTP/1.1\r\n{head}"), "501"),
        (
            format!("GET http://api.test/ HTTP/1.1\r\n{head}\r\nUpgrade: h2c\r\nHTTP2-Settings: x"),
            "501",
        ),
        (
            format!("GET http://api.test/ HTTP/1.1\r\n{head}\r\nExpect: 200-maybe"),
            "417",
        ),
        (format!("CONNECT api.test HTTP/1.1\r\n{head}"), "400"),
        ("PRI * HTTP/2.0".to_owned(), "400"),
        (format!("GET http://api.test/ HTTP/1.1\r\n{head}"), "200"),
    ] {
        let answer = world.agent.raw(&format!("{request}\r\n\r\n")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        if status != "200" {
            assert_eq!(
                world.last_denial().reason,
                Some(Reason::Malformed),
                "{request}"
            );
        }
    }
    assert_eq!(plain.take().len(), 1);
    for (request, status) in [
        (format!("CONNECT api.test:443 HTTP/1.1\r\n{head}"), "501"),
        (
            format!("GET / HTTP/1.1\r\n{head}\r\nUpgrade: h2c\r\nHTTP2-Settings: x"),
            "501",
        ),
        (format!("GET / HTTP/1.1\r\n{head}"), "200"),
    ] {
        let answer = world
            .agent
            .raw_inside("api.test", &format!("{request}\r\n\r\n"))
            .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    assert_eq!(origin.take().len(), 1);
}

/// The agent writes all of its request before it reads, as simple clients do.
#[tokio::test]
async fn a_refusal_is_read_even_after_a_large_body() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.plain_origin().await;
    let body = "x".repeat(24 * 1024 * 1024);
    for (host, status) in [("evil.test", 403), ("api.test", 200)] {
        let request = format!(
            "POST http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = world.agent.raw(&request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert_eq!(origin.only().body.len(), body.len());
}
