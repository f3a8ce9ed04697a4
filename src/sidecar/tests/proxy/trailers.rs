//! What comes after a request's body, and before an answer.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;

use crate::agent::read_h2;
use crate::h2::origin;
use crate::origin::{Origin, text};
use crate::streaming::{channel, data};
use crate::websocket::answering;
use crate::world::{World, route};

/// The length of a body that arrived, and its trailers.
type Arrived = (usize, Option<HeaderMap>);

/// Keeps the bodies and trailers that arrive.
fn keep(origin: &Origin) -> Arc<Mutex<Vec<Arrived>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    origin.answer(move |request| {
        let kept = Arc::clone(&keeping);
        async move {
            let collected = request.into_body().collect().await.unwrap();
            let trailers = collected.trailers().cloned();
            kept.lock()
                .unwrap()
                .push((collected.to_bytes().len(), trailers));
            Response::new(text("kept"))
        }
    });
    kept
}

#[tokio::test]
async fn trailers_of_a_request_pass_without_what_may_not_come_late() {
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let world = World::start(&[route("api.test")]).await;
        let origin = origin(&world, &[protocol]).await;
        let kept = keep(&origin);
        let (frames, body) = channel();
        let sending = tokio::spawn(async move {
            frames.send(data("hello")).await.unwrap();
            let mut trailers = HeaderMap::new();
            for name in ["x-sum", "authorization", "x-forwarded-for", "content-type"] {
                trailers.insert(name, HeaderValue::from_static("1"));
            }
            frames.send(Frame::trailers(trailers)).await.unwrap();
        });
        let request = Request::post("https://api.test/")
            .header("trailer", "x-sum, authorization")
            .body(body.boxed())
            .unwrap();
        let mut sender = world.agent.h2("api.test").await;
        assert_eq!(read_h2(&mut sender, request).await.body, "kept");
        sending.await.unwrap();
        let (length, trailers) = kept.lock().unwrap().pop().unwrap();
        let trailers = trailers.unwrap();
        assert_eq!((length, trailers.len()), (5, 1), "{trailers:?}");
        assert_eq!(trailers["x-sum"], "1");
    }
}

#[tokio::test]
async fn trailers_of_http_1_pass_too_and_none_are_made_up() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let kept = keep(&origin);
    for (announced, trailers, arrives) in [
        ("x-sum", "X-Sum: 1\r\nAuthorization: 1\r\n", Some("1")),
        ("authorization", "Authorization: 1\r\n", None),
        ("x-sum", "", None),
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nTrailer: {announced}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n"
        );
        let answer = world.agent.raw_inside("api.test", request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (length, trailers) = kept.lock().unwrap().pop().unwrap();
        assert_eq!(length, 5);
        let arrived = trailers.map(|trailers| {
            assert_eq!(trailers.len(), 1, "{trailers:?}");
            trailers["x-sum"].to_str().unwrap().to_owned()
        });
        assert_eq!(arrived.as_deref(), arrives, "{announced}");
    }
}

/// The library has no way to send one on; what matters is that the answer after it is the answer.
#[tokio::test]
async fn an_early_hint_is_absorbed() {
    let world = World::start(&[route("api.test")]).await;
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n".repeat(3);
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-End: 1\r\n\r\nlast";
    answering(&world, format!("{hints}{last}")).await;
    let answer = world.agent.get("https://api.test/").await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "last"));
    assert_eq!((answer.header("link"), answer.header("x-end")), ("", "1"));
    assert_eq!(world.finished(1).await.status, Some(200));
}
