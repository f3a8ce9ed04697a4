//! A WebSocket: decided like any GET, checked in both halves, and carried as they come.

use std::collections::BTreeMap;

use bottle_contract::audit::{Outcome, Protocol};
use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Response;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response as Agreed};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::agent::read_head;
use crate::origin::{serve_tls, text};
use crate::world::{PIN, World, route, within};

/// A handshake as it should be; the key is that of RFC 6455, section 1.3.
const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn narrow() -> Route {
    Route {
        methods: Some(vec!["GET".parse().unwrap()]),
        paths: Some(vec!["/chat/**".parse().unwrap()]),
        ..route("api.test")
    }
}

/// Sends back what comes, until it is told to stop; chooses `chat` where that is offered.
#[expect(
    clippy::result_large_err,
    reason = "the callback of tungstenite is like that"
)]
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let choose = |request: &Request, mut response: Agreed| {
        assert!(!request.headers().contains_key("sec-websocket-extensions"));
        if request.headers().contains_key("sec-websocket-protocol") {
            let chosen = "chat".parse().unwrap();
            response
                .headers_mut()
                .insert("sec-websocket-protocol", chosen);
        }
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, choose).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() && message.to_text().unwrap() == "hang up" {
            return;
        }
        if message.is_text() || message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

/// Puts a WebSocket server at the pin, over TLS and in the clear.
pub(crate) async fn echoes(world: &World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 443, listener.local_addr().unwrap());
    serve_tls(listener, world.ca.acceptor(&["api.test"], &[]), || {}, echo);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 80, listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
}

async fn open(
    world: &World,
) -> WebSocketStream<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let tls = world.agent.tls(stream, "api.test").await;
    let opened = Box::pin(client_async("wss://api.test/chat/1", tls));
    let opened = within(opened).await;
    opened.unwrap().0
}

/// An origin that answers every handshake with these bytes.
pub(crate) async fn answering(world: &World, answer: String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 443, listener.local_addr().unwrap());
    let acceptor = world.ca.acceptor(&["api.test"], &[]);
    serve_tls(
        listener,
        acceptor,
        || {},
        move |mut stream| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                // Until the sidecar goes.
                drop(stream.read_to_end(&mut Vec::new()).await);
            }
        },
    );
}

#[tokio::test]
async fn messages_pass_both_ways_and_are_accounted_for() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let mut socket = open(&world).await;
    for message in [
        Message::text("hello"),
        Message::binary(vec![7; 300_000]),
        Message::text(""),
    ] {
        within(socket.send(message.clone())).await.unwrap();
        assert_eq!(within(socket.next()).await.unwrap().unwrap(), message);
    }
    within(socket.close(None)).await.unwrap();
    while let Some(Ok(_)) = within(socket.next()).await {}
    let finished = world.finished(1).await;
    assert_eq!((finished.status, finished.error), (Some(101), None));
    // The payloads, their headers of 2 or 10 bytes, the masks, and the farewells.
    assert_eq!(finished.bytes_in, 7 + 300_010 + 2 + 2);
    assert_eq!(finished.bytes_out, finished.bytes_in + 4 * 4);
    let decision = world.decisions().remove(0);
    assert_eq!(decision.verdict, Outcome::Allow);
    assert_eq!(decision.protocol, Some(Protocol::Websocket));
    assert_eq!(decision.path.as_deref(), Some("/chat/1"));
}

#[tokio::test]
async fn the_clear_way_works_too() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let mut stream = world.agent.dial().await;
    let head = format!("GET http://api.test/chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains(ACCEPT), "{answer}");
    // `Hello`, masked, from RFC 6455, section 5.7.
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    stream.write_all(hello).await.unwrap();
    let mut echoed = [0; 7];
    within(stream.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"\x81\x05Hello");
}

#[tokio::test]
async fn extensions_are_not_asked_for_and_a_subprotocol_passes() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let request = format!(
        "GET /chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat, other\r\n\r\n"
    );
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let mut tls = world.agent.tls(stream, "api.test").await;
    tls.write_all(request.as_bytes()).await.unwrap();
    let answer = read_head(&mut tls).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: chat\r\n"));
    assert!(!answer.contains("extensions"), "{answer}");
}

#[tokio::test]
async fn a_websocket_is_decided_like_any_get() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    for (path, status, reason) in [("/chat/1", 101, None), ("/admin", 403, Some(Reason::Path))] {
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let mut tls = world.agent.tls(stream, "api.test").await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut tls).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert_eq!(world.decisions().pop().unwrap().reason, reason);
    }
    assert_eq!(world.fake.dialled.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_at_once() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    for (from, to, status) in [
        ("websocket", "h2c", 501),
        ("websocket", "websocket, h2c", 501),
        ("GET", "POST", 400),
        ("HTTP/1.1", "HTTP/1.0", 400),
        ("Connection: Upgrade", "Connection: close", 400),
        ("Version: 13", "Version: 8", 426),
        ("Sec-WebSocket-Key", "X-Key", 400),
        ("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi", 400),
    ] {
        let head = format!("GET /chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
        let answer = world
            .agent
            .raw_inside("api.test", &head.replacen(from, to, 1))
            .await;
        assert!(answer.contains(&format!(" {status} ")), "{to}: {answer}");
        assert_eq!(
            answer.contains("sec-websocket-version: 13"),
            status == 426,
            "{answer}"
        );
        assert_eq!(world.last_denial().reason, Some(Reason::Malformed));
    }
    assert!(world.fake.dialled.lock().unwrap().is_empty());
    drop(open(&world).await);
}

#[tokio::test]
async fn an_origin_that_declines_is_answered_for() {
    let world = World::start(&[narrow()]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|request| async move {
        assert_eq!(request.headers()["upgrade"], "websocket");
        Response::builder().status(404).body(text("no")).unwrap()
    });
    // The connection stays good for what comes next.
    let head = format!("GET /chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
    let next = "GET /evil HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
    let answer = world
        .agent
        .raw_inside("api.test", &format!("{head}{next}"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("HTTP/1.1 403 "), "{answer}");
    assert_eq!(world.finished(1).await.status, Some(404));
}

#[tokio::test]
async fn an_origin_must_prove_that_it_agrees() {
    let world = World::start(&[narrow()]).await;
    let good =
        format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n");
    for (changed, status) in [
        (good.clone(), 101),
        (good.replace(ACCEPT, "dGhlIHNhbXBsZSBub25jZQ=="), 502),
        (good.replace("websocket", "h2c"), 502),
        (format!("{good}Sec-WebSocket-Extensions: x\r\n"), 502),
        (format!("{good}Sec-WebSocket-Protocol: chat\r\n"), 502),
    ] {
        answering(&world, format!("HTTP/1.1 101 Switching\r\n{changed}\r\n")).await;
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let mut tls = world.agent.tls(stream, "api.test").await;
        let head = format!("GET /chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut tls).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{changed}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_frame_does_not_pass() {
    let world = World::start(&[narrow()]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 443, listener.local_addr().unwrap());
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let acceptor = world.ca.acceptor(&["api.test"], &[]);
    serve_tls(
        listener,
        acceptor,
        || {},
        move |mut stream| {
            let arrived = arrived.clone();
            async move {
                read_head(&mut stream).await;
                let agreed = format!(
                    "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
                );
                stream.write_all(agreed.as_bytes()).await.unwrap();
                let mut bytes = Vec::new();
                drop(stream.read_to_end(&mut bytes).await);
                arrived.send(bytes).unwrap();
            }
        },
    );
    let frame: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let errors = BTreeMap::from([
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], Some("reserved bit")),
        (
            b"GET /evil HTTP/1.1\r\nHost: api.test\r\n\r\n",
            Some("reserved bit"),
        ),
        (b"\x81\x05Hello", Some("mask")),
        (frame, None),
    ]);
    for (id, (bytes, error)) in (1..).zip(&errors) {
        let stream = world.agent.tunnel("api.test").await.unwrap();
        let mut tls = world.agent.tls(stream, "api.test").await;
        let head = format!("GET /chat/1 HTTP/1.1\r\nHost: api.test\r\n{HANDSHAKE}\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        assert!(read_head(&mut tls).await.starts_with("HTTP/1.1 101"));
        tls.write_all(bytes).await.unwrap();
        tls.shutdown().await.unwrap();
        let passed = within(arrivals.recv()).await.unwrap();
        let said = world.finished(id).await.error.unwrap_or_default();
        match error {
            Some(error) => {
                assert_eq!(passed, b"", "{bytes:?}");
                assert!(said.contains("the agent sent what is no WebSocket frame"));
                assert!(said.contains(error), "{said}");
            }
            None => assert_eq!((&*passed, &*said), (*bytes, "")),
        }
    }
}

#[tokio::test]
async fn when_one_side_ends_the_other_does_too() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let mut socket = open(&world).await;
    within(socket.send(Message::text("hang up"))).await.unwrap();
    while let Some(Ok(_)) = within(socket.next()).await {}
    assert_eq!(world.finished(1).await.status, Some(101));

    let mut socket = open(&world).await;
    within(socket.send(Message::text("hello"))).await.unwrap();
    within(socket.next()).await.unwrap().unwrap();
    drop(socket);
    let finished = world.finished(2).await;
    assert_eq!((finished.bytes_out, finished.bytes_in), (11, 7));
}
