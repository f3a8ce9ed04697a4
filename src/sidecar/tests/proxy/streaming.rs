//! Bodies flow in both directions as they come; nothing waits for an end.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use crate::origin::text;
use crate::world::{World, route, within};

/// A body whose frames come through a channel.
pub(crate) struct Channel(mpsc::Receiver<Frame<Bytes>>);

impl http_body::Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

pub(crate) fn channel() -> (mpsc::Sender<Frame<Bytes>>, Channel) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Channel(receiver))
}

pub(crate) fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn the_first_event_arrives_while_the_origin_goes_on() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let (events, body) = channel();
    let body = Arc::new(Mutex::new(Some(body)));
    origin.answer(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move {
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body.boxed())
                .unwrap()
        }
    });
    let mut sender = world.agent.keep_alive("api.test").await;
    let request = Request::get("/events").header("host", "api.test");
    let request = request.body(http_body_util::Full::default()).unwrap();
    let mut body = within(sender.send_request(request))
        .await
        .unwrap()
        .into_body();
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        // The next event is only sent once the one before it has arrived.
        events.send(data(event)).await.unwrap();
        let frame = within(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    drop(events);
    assert!(within(body.frame()).await.is_none());
    assert_eq!(world.finished(1).await.bytes_in, 27);
}

#[tokio::test]
async fn an_upload_arrives_piece_by_piece() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let (arrived, mut arrivals) = mpsc::channel::<Bytes>(1);
    origin.answer(move |request| {
        let arrived = arrived.clone();
        async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                arrived.send(frame.into_data().unwrap()).await.unwrap();
            }
            Response::new(text("done"))
        }
    });
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let tls = world.agent.tls(stream, "api.test").await;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    let (pieces, body) = channel();
    let request = Request::post("/up")
        .header("host", "api.test")
        .body(body)
        .unwrap();
    let response = tokio::spawn(sender.send_request(request));
    for piece in ["one", "two", "three"] {
        pieces.send(data(piece)).await.unwrap();
        assert_eq!(within(arrivals.recv()).await.unwrap(), piece);
    }
    drop(pieces);
    assert_eq!(within(response).await.unwrap().unwrap().status(), 200);
    assert_eq!(world.finished(1).await.bytes_out, 11);
}

#[tokio::test]
async fn a_slow_reader_slows_the_origin_down() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let (pieces, body) = channel();
    let body = Arc::new(Mutex::new(Some(body)));
    origin.answer(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body.boxed()) }
    });
    let mut sender = world.agent.keep_alive("api.test").await;
    let request = Request::get("/").header("host", "api.test");
    let request = request.body(http_body_util::Full::default()).unwrap();
    let response = within(sender.send_request(request)).await.unwrap();
    // Nobody reads the body: after what sockets and buffers hold, the origin cannot go on.
    let piece = Bytes::from(vec![b'x'; 256 * 1024]);
    let mut sent = 0;
    let patience = std::time::Duration::from_millis(500);
    while let Ok(Ok(())) =
        tokio::time::timeout(patience, pieces.send(Frame::data(piece.clone()))).await
    {
        sent += piece.len();
        assert!(sent < 64 * 1024 * 1024, "the sidecar holds the body");
    }
    // It goes on as soon as somebody does.
    let mut body = response.into_body();
    let mut read = 0;
    let reader = tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.into_data().map_or(0, |data| data.len());
        }
        read
    });
    within(pieces.send(Frame::data(piece.clone())))
        .await
        .unwrap();
    drop(pieces);
    assert!(within(reader).await.unwrap() > sent);
}

#[tokio::test]
async fn trailers_of_a_response_pass() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|request| async move {
        assert_eq!(request.headers()["te"], "trailers");
        let (frames, body) = channel();
        tokio::spawn(async move {
            frames.send(data("body")).await.unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("42"));
            frames.send(Frame::trailers(trailers)).await.unwrap();
        });
        Response::builder()
            .header("trailer", "x-sum")
            .body(body.boxed())
            .unwrap()
    });
    let headers = [("te", "trailers")];
    let answer = world
        .agent
        .ask("GET", "https://api.test/", &headers, "")
        .await;
    assert_eq!(answer.body, "body");
    assert_eq!(answer.trailers.unwrap()["x-sum"], "42");
}

#[tokio::test]
async fn a_response_that_breaks_off_breaks_off_for_the_agent_too() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let (frames, body) = channel();
    let body = Arc::new(Mutex::new(Some(body)));
    origin.answer(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move {
            Response::builder()
                .header("content-length", "8")
                .body(body.boxed())
                .unwrap()
        }
    });
    let mut sender = world.agent.keep_alive("api.test").await;
    let request = Request::get("/").header("host", "api.test");
    let request = request.body(http_body_util::Full::default()).unwrap();
    let response = within(sender.send_request(request)).await.unwrap();
    let mut body = response.into_body();
    frames.send(data("half")).await.unwrap();
    let frame = within(body.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "half");
    drop(frames);
    assert!(within(body.frame()).await.unwrap().is_err());
    let finished = world.finished(1).await;
    assert_eq!((finished.status, finished.bytes_in), (Some(200), 4));
    assert!(finished.error.unwrap().contains("the origin broke off"));
}
