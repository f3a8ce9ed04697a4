//! CONNECT host, TLS server name and Host header must be one name, and TLS is all that goes inside.

use bottle_contract::verdict::Reason;

use tokio::io::AsyncWriteExt as _;

use crate::agent::{exchange, read_head};
use crate::world::{PIN, World, route};

#[tokio::test]
async fn the_certificate_is_the_bottles() {
    let world = World::start(&[route("api.test")]).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    let stream = world.agent.tunnel("api.test").await.unwrap();
    // The agent trusts the bottle's CA only, so that this handshake proves it.
    let tls = world.agent.tls(stream, "api.test").await;
    let (_, session) = tls.get_ref();
    assert_eq!(session.peer_certificates().unwrap().len(), 1);

    let other = World::start(&[route("api.test")]).await;
    let stream = world.agent.tunnel("api.test").await.unwrap();
    assert!(other.agent.handshake(stream, "api.test").await.is_err());
}

#[tokio::test]
async fn a_server_name_that_differs_is_refused_with_an_explanation() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    let origin = world.tls_origin(&["api.test", "other.test"]).await;
    let request = "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
    let without_sni = world.agent.without_sni();
    for (agent, name, part, lines) in [
        (&world.agent, "api.test", "200 OK", 0),
        (&world.agent, "other.test", "names `other.test`", 1),
        (&world.agent, "evil.test", "names `evil.test`", 1),
        (&without_sni, "api.test", "names no host", 1),
    ] {
        let before = world.decisions().len();
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let answer = exchange(agent.handshake(stream, name).await.unwrap(), request).await;
        assert!(answer.contains(part), "{name}: {answer}");
        if lines > 0 {
            assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
            assert!(
                answer.contains("x-bottle-denied: name-mismatch"),
                "{answer}"
            );
            assert_eq!(world.last_denial().reason, Some(Reason::NameMismatch));
            assert_eq!(world.decisions().len(), before + lines);
        }
    }
    assert_eq!(origin.take().len(), 1);
}

#[tokio::test]
async fn a_host_header_that_differs_is_refused() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    let origin = world.tls_origin(&["api.test", "other.test"]).await;
    let plain = world.plain_origin().await;
    let close = "Connection: close\r\n\r\n";
    for (line, status) in [
        ("GET / HTTP/1.1\r\nHost: api.test", 200),
        ("GET / HTTP/1.1\r\nHost: API.test:443", 200),
        ("GET https://api.test/ HTTP/1.1\r\nHost: api.test", 200),
        ("GET / HTTP/1.1\r\nHost: other.test", 421),
        ("GET / HTTP/1.1\r\nHost: api.test:80", 421),
        ("GET https://other.test/ HTTP/1.1\r\nHost: api.test", 421),
        ("GET http://api.test/ HTTP/1.1\r\nHost: api.test", 421),
        ("GET / HTTP/1.1\r\nHost: api.test.", 400),
        ("GET / HTTP/1.0", 400),
    ] {
        let answer = world
            .agent
            .raw_inside("api.test", &format!("{line}\r\n{close}"))
            .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} "))
                || answer.starts_with(&format!("HTTP/1.0 {status} ")),
            "{line}: {answer}"
        );
    }
    assert_eq!(origin.take().len(), 3);
    for (line, status) in [
        ("GET http://api.test/ HTTP/1.1\r\nHost: api.test", 200),
        ("GET http://api.test/ HTTP/1.1\r\nHost: other.test", 400),
        ("CONNECT api.test:443 HTTP/1.1\r\nHost: other.test", 400),
        ("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:80", 400),
    ] {
        let answer = world.agent.raw(&format!("{line}\r\n{close}")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
        if status != 200 {
            assert_eq!(
                world.last_denial().reason,
                Some(Reason::NameMismatch),
                "{line}"
            );
        }
    }
    assert_eq!(plain.take().len(), 1);
}

#[tokio::test]
async fn bytes_that_are_not_tls_never_leave_a_tunnel() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.plain_origin().await;
    world.fake.place(PIN, 443, origin.address);
    for bytes in [
        "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{16}\u{3}\u{1}hello, this is no handshake message at all",
    ] {
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let answer = exchange(stream, bytes).await;
        assert!(!answer.contains("hello from the origin"), "{answer}");
        let denial = world.last_denial();
        assert_eq!(denial.reason, Some(Reason::Malformed));
        assert!(denial.detail.unwrap().contains("TLS ClientHello"));
    }
    assert_eq!(origin.connections(), 0);
    assert!(world.fake.dialled.lock().unwrap().is_empty());
    // The same bytes get through where they are allowed: as a request to the forward proxy.
    assert_eq!(world.agent.get("http://api.test/").await.status, 200);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn only_http_is_spoken_inside() {
    let world = World::start(&[route("api.test")]).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    for (protocol, agreed) in [
        (&b"http/1.1"[..], true),
        (b"h2", true),
        (b"http/1.0", false),
        (b"spdy/3", false),
        (b"h3", false),
        (b"ssh", false),
    ] {
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let agent = world.agent.with_alpn(protocol);
        let handshake = agent.handshake(stream, "api.test").await;
        assert_eq!(handshake.is_ok(), agreed, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_address_can_be_the_host() {
    let world = World::start(&[route("10.9.8.7"), route("[fd00::7]")]).await;
    let origin = world.tls_origin(&["10.9.8.7", "fd00::7"]).await;
    assert_eq!(world.agent.get("https://10.9.8.7/").await.status, 200);
    let stream = world.agent.tunnel("[fd00::7]:443").await.unwrap();
    let tls = world.agent.handshake(stream, "fd00::7").await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: [fd00::7]\r\nConnection: close\r\n\r\n";
    let answer = exchange(tls, request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(origin.take().len(), 2);
}

/// The host would be the same, but what else a URL says would be dropped without a word.
#[tokio::test]
async fn a_tunnel_is_asked_for_by_host_and_port_only() {
    let world = World::start(&[route("api.test")]).await;
    for (target, status) in [
        ("api.test:443", 200),
        ("http://api.test:443", 400),
        ("http://api.test:443/", 400),
        ("https://api.test:443/path", 400),
        ("api.test:443#part", 400),
    ] {
        let mut stream = world.agent.dial().await;
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: api.test\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut stream).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{target}: {answer}");
    }
}

/// Older versions of undici put the proxy itself into the `Host` of a CONNECT.
#[tokio::test]
async fn the_host_of_a_connect_may_be_the_proxy_itself_and_no_other() {
    let world = World::start(&[route("api.test")]).await;
    let own = world.sidecar.listen()[0];
    for (host, status) in [
        (own.to_string(), 200),
        (format!("{}:{}", own.ip(), own.port() - 1), 400),
        (own.ip().to_string(), 400),
        (format!("localhost:{}", own.port()), 400),
    ] {
        let mut stream = world.agent.dial().await;
        let head = format!("CONNECT api.test:443 HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut stream).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{host}: {answer}");
    }
}

/// Python's own client asked like this until 3.12.
#[tokio::test]
async fn a_tunnel_can_be_asked_for_in_http_1_0_and_without_a_host() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let request = "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
    for head in [
        "CONNECT api.test:443 HTTP/1.0",
        "CONNECT api.test:443 HTTP/1.1",
    ] {
        let mut stream = world.agent.dial().await;
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let answer = read_head(&mut stream).await;
        assert!(answer.contains(" 200 "), "{head}: {answer}");
        let tls = world.agent.handshake(stream, "api.test").await.unwrap();
        let answer = exchange(tls, request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{head}: {answer}");
    }
    assert_eq!(origin.take().len(), 2);
}
