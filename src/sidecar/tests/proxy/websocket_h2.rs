//! A WebSocket in a stream of HTTP/2 (RFC 8441), beside requests on the same connection.

use bottle_contract::audit::{Outcome, Protocol};
use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::agent::read_h2;
use crate::h2::get;
use crate::origin::{Body, text};
use crate::websocket::{answering, echoes};
use crate::world::{World, route, within};

fn narrow() -> Route {
    Route {
        methods: Some(vec!["GET".parse().unwrap()]),
        paths: Some(vec!["/chat/**".parse().unwrap()]),
        ..route("api.test")
    }
}

/// A connection on which the sidecar has said that it takes such requests.
async fn speaking(world: &World) -> SendRequest<Body> {
    let mut sender = world.agent.h2("api.test").await;
    let denied = read_h2(&mut sender, get("https://api.test/none")).await;
    assert_eq!(denied.status, 403);
    sender
}

async fn ask(
    sender: &mut SendRequest<Body>,
    path: &str,
    protocol: &'static str,
    headers: &[(&str, &str)],
) -> Response<Incoming> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://api.test{path}"))
        .extension(hyper::ext::Protocol::from_static(protocol));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(text("")).unwrap();
    within(sender.send_request(request)).await.unwrap()
}

async fn socket(response: Response<Incoming>) -> WebSocketStream<TokioIo<Upgraded>> {
    let upgraded = within(hyper::upgrade::on(response)).await.unwrap();
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
}

const VERSION: (&str, &str) = ("sec-websocket-version", "13");

#[tokio::test]
async fn messages_pass_both_ways_beside_other_streams() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let mut sender = speaking(&world).await;
    let asked = [VERSION, ("sec-websocket-protocol", "other, chat")];
    let response = ask(&mut sender, "/chat/1", "websocket", &asked).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    let mut first = socket(response).await;
    let mut second = socket(ask(&mut sender, "/chat/2", "websocket", &[VERSION]).await).await;
    for message in [
        Message::text("hello"),
        Message::binary(vec![7; 300_000]),
        Message::text(""),
    ] {
        for socket in [&mut first, &mut second] {
            within(socket.send(message.clone())).await.unwrap();
            assert_eq!(within(socket.next()).await.unwrap().unwrap(), message);
        }
    }
    within(first.close(None)).await.unwrap();
    while let Some(Ok(_)) = within(first.next()).await {}
    let decision = world
        .decisions()
        .into_iter()
        .find(|one| one.path.as_deref() == Some("/chat/1"))
        .unwrap();
    assert_eq!(decision.protocol, Some(Protocol::Websocket));
    assert_eq!(decision.method.as_deref(), Some("GET"));
    assert_eq!(decision.verdict, Outcome::Allow);
    let finished = world.finished(decision.id).await;
    assert_eq!(finished.status, Some(101));
    assert!(finished.bytes_out > 300_000 && finished.bytes_in > 300_000);
    // The other one, and the connection, go on.
    within(second.send(Message::text("still"))).await.unwrap();
    let answer = within(second.next()).await.unwrap().unwrap();
    assert_eq!(answer, Message::text("still"));
}

#[tokio::test]
async fn what_is_refused_reaches_nobody() {
    let world = World::start(&[narrow(), route("other.test")]).await;
    echoes(&world).await;
    let mut sender = speaking(&world).await;
    for (path, protocol, headers, status, reason) in [
        ("/secret", "websocket", &[VERSION][..], 403, Reason::Path),
        ("/chat/1", "connect-udp", &[VERSION], 501, Reason::Malformed),
        ("/chat/1", "websocket", &[], 426, Reason::Malformed),
        (
            "/chat/1",
            "websocket",
            &[("sec-websocket-version", "8")],
            426,
            Reason::Malformed,
        ),
        (
            "/chat/1",
            "websocket",
            &[VERSION, ("host", "other.test")],
            421,
            Reason::NameMismatch,
        ),
    ] {
        let before = world.fake.dialled.lock().unwrap().len();
        let response = ask(&mut sender, path, protocol, headers).await;
        assert_eq!(response.status().as_u16(), status, "{path} {protocol}");
        assert_eq!(world.last_denial().reason, Some(reason), "{path}");
        assert_eq!(world.fake.dialled.lock().unwrap().len(), before);
    }
    let response = ask(&mut sender, "/chat/1", "websocket", &[VERSION]).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_origin_that_declines_or_lies_is_no_websocket() {
    let world = World::start(&[narrow()]).await;
    let declined = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone";
    answering(&world, declined.to_owned()).await;
    let mut sender = speaking(&world).await;
    let response = ask(&mut sender, "/chat/1", "websocket", &[VERSION]).await;
    assert_eq!(response.status(), 404);
    // The key is new each time, so that nothing that was prepared proves it.
    let lied = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    answering(&world, lied.to_owned()).await;
    let response = ask(&mut sender, "/chat/1", "websocket", &[VERSION]).await;
    assert_eq!(response.status(), 502);
}

#[tokio::test]
async fn what_is_no_frame_ends_the_stream() {
    let world = World::start(&[narrow()]).await;
    echoes(&world).await;
    let mut sender = speaking(&world).await;
    let response = ask(&mut sender, "/chat/1", "websocket", &[VERSION]).await;
    let mut raw = TokioIo::new(within(hyper::upgrade::on(response)).await.unwrap());
    let write = tokio::io::AsyncWriteExt::write_all(&mut raw, b"GET / HTTP/1.1\r\n\r\n");
    within(write).await.unwrap();
    let mut rest = Vec::new();
    drop(within(tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut rest)).await);
    assert!(rest.is_empty(), "{rest:?}");
    let id = world.decisions().pop().unwrap().id;
    let error = world.finished(id).await.error.unwrap();
    assert!(error.contains("no WebSocket frame"), "{error}");
}
