//! Requests that two readers could read in two ways.

use bottle_contract::verdict::Reason;

use crate::world::{World, route};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n";

#[tokio::test]
async fn what_is_ambiguous_is_refused_and_written_down() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let plain = world.plain_origin().await;
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 5, 5\r\n\r\nhello",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Host: other.test\r\n\r\n",
        "Host: api.test\r\n\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "X: a\r\n b\r\n\r\n",
        "X : a\r\n\r\n",
        "X: a\0\r\n\r\n",
        "\nX: a\n\n",
    ] {
        for inside in [true, false] {
            let before = world.decisions().len();
            let target = if inside { "/" } else { "http://api.test/" };
            let request =
                format!("POST {target} HTTP/1.1\r\nHost: api.test\r\n{headers}{SMUGGLED}");
            let answer = if inside {
                world.agent.raw_inside("api.test", &request).await
            } else {
                world.agent.raw(&request).await
            };
            assert!(
                answer.starts_with("HTTP/1.1 400 "),
                "{headers:?}: {answer:?}"
            );
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
            assert_eq!(world.last_denial().reason, Some(Reason::Malformed));
            assert_eq!(world.decisions().len(), before + 1, "{headers:?}");
        }
    }
    assert!(origin.take().is_empty());
    assert!(plain.take().is_empty());
    // A sound request with one length, and one with chunks, are served on one connection.
    let sound = "POST /a HTTP/1.1\r\nHost: api.test\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nworld\r\n0\r\n\r\n";
    let answer = world.agent.raw_inside("api.test", sound).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    let seen = origin.take();
    let bodies: Vec<_> = seen
        .iter()
        .map(|seen| (&*seen.target, &*seen.body))
        .collect();
    assert_eq!(bodies, [("/a", &b"hello"[..]), ("/b", b"world")]);
}

#[tokio::test]
async fn a_second_request_is_decided_by_itself() {
    let mut narrow = route("api.test");
    narrow.paths = Some(vec!["/v1/**".parse().unwrap()]);
    let world = World::start(&[narrow]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let pipelined = "GET /v1/a HTTP/1.1\r\nHost: api.test\r\n\r\nGET /v2/b HTTP/1.1\r\nHost: api.test\r\n\r\nGET /v1/c HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    let answer = world.agent.raw_inside("api.test", pipelined).await;
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "403", "421"], "{answer}");
    assert_eq!(origin.only().target, "/v1/a");
}

#[tokio::test]
async fn what_belongs_to_the_connection_stays_on_it() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|request| async move {
        let names: Vec<&str> = request
            .headers()
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        http::Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=9")
            .header("proxy-authenticate", "Basic")
            .header("alt-svc", "h3=\":443\"")
            .header("x-end", "2")
            .body(crate::origin::text(&names.join(" ")))
            .unwrap()
    });
    let own = [
        ("connection", "x-own"),
        ("x-own", "1"),
        ("proxy-authorization", "Basic x"),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "1"),
        ("te", "gzip"),
        ("x-end", "2"),
    ];
    let answer = world.agent.ask("GET", "https://api.test/", &own, "").await;
    assert_eq!(answer.body, "host x-end");
    assert_eq!(answer.header("x-end"), "2");
    for name in [
        "x-hop",
        "keep-alive",
        "proxy-authenticate",
        "alt-svc",
        "connection",
    ] {
        assert_eq!(answer.header(name), "", "{name}");
    }
}

#[tokio::test]
async fn heads_have_a_bound() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let request = |extra: &str| {
        format!("GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n{extra}\r\n")
    };
    let long = format!("X: {}\r\n", "a".repeat(70_000));
    let many = "X: a\r\n".repeat(150);
    for extra in [long, many] {
        let answer = world.agent.raw_inside("api.test", &request(&extra)).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_eq!(world.last_denial().reason, Some(Reason::Malformed));
    }
    let enough = format!("X: {}\r\n", "a".repeat(40_000));
    let answer = world.agent.raw_inside("api.test", &request(&enough)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(origin.take().len(), 1);
}
