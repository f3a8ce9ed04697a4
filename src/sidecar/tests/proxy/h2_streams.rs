//! Bodies and trailers of HTTP/2: both ways at once, as gRPC needs them.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;

use crate::agent::read_h2;
use crate::h2::{get, origin};
use crate::origin::{Origin, text};
use crate::streaming::{channel, data};
use crate::world::{World, route, within};

fn status(code: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    trailers
}

fn call(body: crate::origin::Body) -> Request<crate::origin::Body> {
    Request::post("https://api.test/pkg.Service/Call")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap()
}

/// Answers each piece of a call with itself, and then with a status.
fn echo_calls(origin: &Origin) {
    origin.answer(|request| async move {
        assert_eq!(request.headers()["te"], "trailers");
        let (frames, body) = channel();
        let mut asked = request.into_body();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = asked.frame().await {
                if let Ok(piece) = frame.into_data() {
                    frames.send(Frame::data(piece)).await.unwrap();
                }
            }
            frames.send(Frame::trailers(status("0"))).await.unwrap();
        });
        Response::builder()
            .header("content-type", "application/grpc")
            .body(body.boxed())
            .unwrap()
    });
}

#[tokio::test]
async fn a_unary_call_has_its_status_in_the_trailers() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    echo_calls(&origin);
    let mut sender = world.agent.h2("api.test").await;
    let answer = read_h2(&mut sender, call(text("\0\0\0\0\x02hi"))).await;
    assert_eq!(answer.body, "\0\0\0\0\x02hi");
    assert_eq!(answer.header("content-type"), "application/grpc");
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_of_trailers_only_passes() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    origin.answer(|_| async {
        let mut response = Response::new(text(""));
        *response.headers_mut() = status("12");
        response
    });
    let mut sender = world.agent.h2("api.test").await;
    let answer = read_h2(&mut sender, call(text("x"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
    assert_eq!(answer.header("grpc-status"), "12");
    assert_eq!(answer.trailers, None);
}

#[tokio::test]
async fn both_sides_of_a_call_stream_at_the_same_time() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    echo_calls(&origin);
    let mut sender = world.agent.h2("api.test").await;
    let (pieces, body) = channel();
    let response = within(sender.send_request(call(body.boxed())))
        .await
        .unwrap();
    let mut body = response.into_body();
    for piece in ["one", "two", "three"] {
        // The next piece is only sent once the one before it has come back.
        pieces.send(data(piece)).await.unwrap();
        let frame = within(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(pieces);
    let last = within(body.frame()).await.unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap()["grpc-status"], "0");
    drop(body);
    let finished = world.finished(1).await;
    assert_eq!((finished.bytes_out, finished.bytes_in), (11, 11));
    assert_eq!(finished.error, None);
}

#[tokio::test]
async fn events_arrive_one_by_one_from_either_kind_of_origin() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    for (host, protocols) in [("api.test", &[&b"h2"[..]][..]), ("other.test", &[])] {
        let origin = origin(&world, protocols).await;
        let (events, body) = channel();
        let body = Arc::new(Mutex::new(Some(body)));
        origin.answer(move |_| {
            let body = body.lock().unwrap().take().unwrap();
            async move { Response::new(body.boxed()) }
        });
        let mut sender = world.agent.h2(host).await;
        let request = get(&format!("https://{host}/events"));
        let response = within(sender.send_request(request)).await.unwrap();
        let mut body = response.into_body();
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            events.send(data(event)).await.unwrap();
            let frame = within(body.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), event);
        }
        drop(events);
        // The end of chunks may come as a frame of its own.
        while let Some(frame) = within(body.frame()).await {
            assert!(frame.unwrap().into_data().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn answers_without_a_body_pass() {
    let world = World::start(&[route("api.test"), route("other.test")]).await;
    for (host, protocols) in [("api.test", &[&b"h2"[..]][..]), ("other.test", &[])] {
        let origin = origin(&world, protocols).await;
        origin.answer(|request| async move {
            let mut response = Response::builder().status(204);
            if request.method() == "HEAD" {
                response = response.status(200).header("content-length", "1234");
            }
            response.body(text("")).unwrap()
        });
        let mut sender = world.agent.h2(host).await;
        for (method, code, length) in [("HEAD", 200, "1234"), ("DELETE", 204, "")] {
            let request = Request::builder()
                .method(method)
                .uri(format!("https://{host}/"));
            let answer = read_h2(&mut sender, request.body(text("")).unwrap()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-length")),
                (code, length)
            );
        }
    }
}

#[tokio::test]
async fn an_agent_that_resets_a_stream_ends_its_request_only() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let (gone, mut told) = mpsc::channel::<()>(1);
    origin.answer(move |request| {
        let held = gone.clone();
        async move {
            if request.uri().path() == "/wait" {
                std::future::pending::<()>().await;
            }
            drop(held);
            Response::new(text("here"))
        }
    });
    let mut sender = world.agent.h2("api.test").await;
    let waiting = tokio::spawn(sender.send_request(get("https://api.test/wait")));
    within(async {
        while world.decisions().is_empty() || origin.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waiting.abort();
    let finished = world.finished(1).await;
    assert_eq!(finished.error.as_deref(), Some("the agent went away"));
    assert_eq!(
        read_h2(&mut sender, get("https://api.test/")).await.body,
        "here"
    );
    // The origin is told too, and its connection goes on.
    origin.answer(|_| async { Response::new(text("again")) });
    assert!(within(told.recv()).await.is_none());
    assert_eq!(
        read_h2(&mut sender, get("https://api.test/")).await.body,
        "again"
    );
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_response_that_breaks_off_resets_the_stream() {
    let world = World::start(&[route("api.test")]).await;
    // HTTP/1.1, where the end is known to be missing.
    let origin = origin(&world, &[]).await;
    let (frames, body) = channel();
    let body = Arc::new(Mutex::new(Some(body)));
    origin.answer(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        let response = Response::builder().header("content-length", "8");
        async move { response.body(body.boxed()).unwrap() }
    });
    let mut sender = world.agent.h2("api.test").await;
    let response = within(sender.send_request(get("https://api.test/")))
        .await
        .unwrap();
    let mut body = response.into_body();
    frames.send(data("half")).await.unwrap();
    let half: Bytes = within(body.frame())
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!(half, "half");
    drop(frames);
    assert!(within(body.frame()).await.unwrap().is_err());
    assert!(
        world
            .finished(1)
            .await
            .error
            .unwrap()
            .contains("the origin broke off")
    );
}
