//! Secrets in an open WebSocket: messages and pings on their way out, messages on their way back.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::dlp_world::{NEIGHBOUR, SECRET, bottle};
use crate::origin::serve_tls;
use crate::world::{PIN, World, within};

type Got = Arc<Mutex<Vec<u8>>>;

/// Puts a server at the pin that keeps all that it is told, and answers each message with one that
/// says the secret.
async fn server(world: &World) -> Got {
    let got = Got::default();
    let kept = Arc::clone(&got);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 443, listener.local_addr().unwrap());
    let acceptor = world.ca.acceptor(&["plain.test"], &[]);
    serve_tls(
        listener,
        acceptor,
        || {},
        move |stream| {
            let kept = Arc::clone(&kept);
            async move {
                let Ok(mut socket) = accept_async(stream).await else {
                    return;
                };
                while let Some(Ok(message)) = socket.next().await {
                    let data = message.clone().into_data();
                    kept.lock().unwrap().extend_from_slice(&data);
                    if message.is_text() || message.is_binary() {
                        let said = format!("{NEIGHBOUR} {SECRET} end");
                        drop(socket.send(Message::text(said)).await);
                    }
                }
            }
        },
    );
    got
}

async fn open(world: &World) -> WebSocketStream<TlsStream<TcpStream>> {
    let stream = world.agent.tunnel("plain.test").await.unwrap();
    let tls = world.agent.tls(stream, "plain.test").await;
    let opened = Box::pin(client_async("wss://plain.test/chat", tls));
    within(opened).await.unwrap().0
}

fn part(text: &str, opcode: Data, last: bool) -> Message {
    let payload = Bytes::from(text.to_owned());
    Message::Frame(Frame::message(payload, OpCode::Data(opcode), last))
}

#[tokio::test]
async fn a_message_with_a_secret_ends_the_conversation_before_it_arrives() {
    let (half, rest) = SECRET.split_at(10);
    let cases = [
        vec![Message::text(format!("say {SECRET}"))],
        vec![Message::binary(SECRET.as_bytes().to_vec())],
        vec![
            part(half, Data::Text, false),
            Message::Ping(Bytes::new()),
            part(rest, Data::Continue, true),
        ],
        vec![Message::Ping(SECRET.as_bytes().to_vec().into())],
    ];
    for messages in cases {
        let world = bottle().start().await;
        let got = server(&world).await;
        let mut socket = open(&world).await;
        socket.send(Message::text("hello")).await.unwrap();
        assert!(within(socket.next()).await.unwrap().is_ok());
        for message in messages {
            // It may be over before the last part is sent.
            drop(socket.send(message).await);
        }
        within(async { while let Some(Ok(_)) = socket.next().await {} }).await;
        let decision = world.stopped_by("SECRET", "frame");
        assert!(world.finished(decision.id).await.error.is_some());
        let got = String::from_utf8_lossy(&got.lock().unwrap()).into_owned();
        assert!(got.starts_with("hello"), "{got}");
        assert!(!got.contains(SECRET) && !got.contains(rest), "{got}");
        world.log_is_clean();
    }
}

#[tokio::test]
async fn everything_else_passes_as_it_is() {
    let world = bottle().start().await;
    let got = server(&world).await;
    let mut socket = open(&world).await;
    let (half, rest) = NEIGHBOUR.split_at(10);
    let messages = [
        Message::text("hello"),
        part(half, Data::Text, false),
        Message::Ping(Bytes::from_static(b"ping")),
        part(rest, Data::Continue, true),
        Message::binary(vec![0; 70_000]),
    ];
    for message in messages {
        socket.send(message).await.unwrap();
    }
    let mut answers = 0;
    while answers < 3 {
        if within(socket.next()).await.unwrap().unwrap().is_text() {
            answers += 1;
        }
    }
    let got = got.lock().unwrap().clone();
    // The ping stands before the message in whose middle it was sent.
    let mut expected = format!("helloping{NEIGHBOUR}").into_bytes();
    expected.extend(std::iter::repeat_n(0, 70_000));
    assert_eq!(got.len(), expected.len());
    assert!(got == expected);
}

#[tokio::test]
async fn an_origin_cannot_say_a_secret() {
    let world = bottle().start().await;
    let _got = server(&world).await;
    let mut socket = open(&world).await;
    for _ in 0..2 {
        socket.send(Message::text("tell me")).await.unwrap();
        let said = within(socket.next()).await.unwrap().unwrap();
        let said = said.into_text().unwrap();
        assert!(!said.contains(SECRET), "{said}");
        assert!(
            said.starts_with(NEIGHBOUR) && said.ends_with(" end"),
            "{said}"
        );
    }
    socket.close(None).await.unwrap();
    within(async { while socket.next().await.is_some() {} }).await;
    let finished = world.finished(1).await;
    assert_eq!(finished.redacted.len(), 1, "{finished:?}");
    world.log_is_clean();
}
