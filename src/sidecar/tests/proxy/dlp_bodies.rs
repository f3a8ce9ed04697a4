//! Secrets in the body of a request: the origin never gets a whole request, nor the secret's last byte.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bottle_contract::audit::Outcome;
use bottle_contract::verdict::Reason;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;

use crate::agent::{exchange, read_h2};
use crate::dlp_world::{CANARY, NEIGHBOUR, SECRET, bottle, keeper};
use crate::origin::text;
use crate::streaming::channel;
use crate::world::{World, within};

fn json(value: &str) -> String {
    let filler = "x".repeat(3000);
    format!("{{\"filler\":\"{filler}\",\"value\":\"{value}\",\"more\":\"{filler}\"}}")
}

#[tokio::test]
async fn a_body_with_a_secret_is_stopped_and_its_neighbour_arrives_unchanged() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    for (value, made) in [
        (SECRET, SECRET.to_owned()),
        (SECRET, STANDARD.encode(format!("user:{SECRET}"))),
        (CANARY, CANARY.to_owned()),
    ] {
        let answer = world
            .agent
            .ask("POST", "https://plain.test/up", &[], &json(&made))
            .await;
        assert_eq!(answer.status, 403, "{made}");
        assert!(!answer.body.contains(value), "{}", answer.body);
        got.never(&made);
        let detector = if value == SECRET { "SECRET" } else { "canary" };
        let decision = world.stopped_by(detector, "body");
        // The head was permitted before, under the same number.
        let first = world.decisions();
        let first = first.iter().find(|one| one.id == decision.id).unwrap();
        assert_eq!(first.verdict, Outcome::Allow);
        let finished = world.finished(decision.id).await;
        assert!(finished.error.unwrap().contains("stopped on its way out"));
    }
    let body = json(NEIGHBOUR);
    let answer = world
        .agent
        .ask("POST", "https://plain.test/up", &[], &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let arrived = got.take().pop().unwrap();
    assert!(arrived.whole);
    assert_eq!(arrived.body, body.as_bytes());
    assert!(arrived.head.contains("content-length"), "{}", arrived.head);
    world.log_is_clean();
}

#[tokio::test]
async fn chunks_hide_nothing() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    for (value, status) in [(SECRET, "403"), (NEIGHBOUR, "200")] {
        for size in [1, 3, 7] {
            let body = format!("before {value} after");
            let mut request = "POST / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
            for chunk in body.as_bytes().chunks(size) {
                let chunk = std::str::from_utf8(chunk).unwrap();
                request.extend([&format!("{:x}\r\n", chunk.len()), chunk, "\r\n"]);
            }
            request.push_str("0\r\n\r\n");
            let answer = world.agent.raw_inside("plain.test", &request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{answer}"
            );
            if status == "200" {
                let arrived = got.take().pop().unwrap();
                assert_eq!(arrived.body, body.as_bytes());
            } else {
                got.never(SECRET);
            }
        }
    }
    world.log_is_clean();
}

#[tokio::test]
async fn an_agent_that_waits_to_be_told_to_go_on_is_stopped_too() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    for (value, status) in [(NEIGHBOUR, 200), (SECRET, 403)] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n{value}",
            value.len()
        );
        let answer = world.agent.raw_inside("plain.test", &request).await;
        assert!(answer.contains(&format!("HTTP/1.1 {status} ")), "{answer}");
        if status == 200 {
            assert_eq!(got.take().pop().unwrap().body, NEIGHBOUR.as_bytes());
        }
    }
    got.never(SECRET);
}

#[tokio::test]
async fn a_stream_of_http2_is_stopped_alone() {
    for protocols in [&[&b"h2"[..]][..], &[]] {
        let world = bottle().start().await;
        let (_origin, got) = keeper(&world, protocols).await;
        let mut sender = world.agent.h2("plain.test").await;
        let mut post = async |body: &str| {
            let request = Request::post("https://plain.test/");
            read_h2(&mut sender, request.body(text(body)).unwrap()).await
        };
        let answer = post(&json(SECRET)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-bottle-denied")),
            (403, "secret")
        );
        world.stopped_by("SECRET", "body");
        let body = json(NEIGHBOUR);
        assert_eq!(post(&body).await.status, 200);
        let arrived = got.take();
        assert!(arrived.iter().all(|one| !one.holds(SECRET)), "{arrived:?}");
        let whole: Vec<_> = arrived.iter().filter(|one| one.whole).collect();
        assert_eq!(whole.len(), 1, "{arrived:?}");
        assert_eq!(whole[0].body, body.as_bytes());
        world.log_is_clean();
    }
}

#[tokio::test]
async fn trailers_are_looked_through_too() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[b"h2"]).await;
    for (value, status) in [(SECRET, 403), (NEIGHBOUR, 200)] {
        let mut sender = world.agent.h2("plain.test").await;
        let (frames, body) = channel();
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-sum", value.parse().unwrap());
        tokio::spawn(async move {
            drop(frames.send(Frame::data(Bytes::from_static(b"data"))).await);
            drop(frames.send(Frame::trailers(trailers)).await);
        });
        let request = Request::post("https://plain.test/");
        let answer = read_h2(&mut sender, request.body(body.boxed()).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 403 {
            world.stopped_by("SECRET", "trailer");
            got.never(SECRET);
        } else {
            assert!(got.take().pop().unwrap().holds(NEIGHBOUR));
        }
    }
    world.log_is_clean();
}

/// What is held back must not hold up what a side waits for.
#[tokio::test]
async fn pieces_go_on_as_they_come_and_an_answer_under_way_breaks_off() {
    let world = bottle().start().await;
    let (origin, _got) = keeper(&world, &[b"h2"]).await;
    origin.answer(|request| async move {
        // Each piece is sent back as it arrives, and the head of the answer at once.
        let (sender, body) = channel();
        tokio::spawn(async move {
            let mut incoming = request.into_body();
            while let Some(Ok(frame)) = incoming.frame().await {
                if sender
                    .send(Frame::data(frame.into_data().unwrap()))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        Response::new(body.boxed())
    });
    let mut sender = world.agent.h2("plain.test").await;
    let (pieces, body) = channel();
    let request = Request::post("https://plain.test/")
        .body(body.boxed())
        .unwrap();
    let response = within(sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut back = response.into_body();
    let mut read = Vec::new();
    for piece in ["one, ", "two, ", "three. "] {
        let piece = piece.repeat(500);
        pieces
            .send(Frame::data(Bytes::from(piece.clone())))
            .await
            .unwrap();
        let before = read.len();
        while read.len() < before + piece.len() / 2 {
            let frame = within(back.frame()).await.unwrap().unwrap();
            read.extend_from_slice(&frame.into_data().unwrap());
        }
    }
    pieces
        .send(Frame::data(Bytes::from_static(SECRET.as_bytes())))
        .await
        .unwrap();
    drop(pieces);
    let mut broken = false;
    while let Some(frame) = within(back.frame()).await {
        let Ok(frame) = frame else {
            broken = true;
            break;
        };
        read.extend_from_slice(&frame.into_data().unwrap());
    }
    assert!(broken);
    let last = &SECRET.as_bytes()[..SECRET.len()];
    assert!(!read.windows(last.len()).any(|window| window == last));
    world.stopped_by("SECRET", "body");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn post_bytes(world: &World, encoding: &str, body: Vec<u8>) -> (u16, String) {
    let mut sender = world.agent.h2("plain.test").await;
    let body = http_body_util::Full::new(Bytes::from(body)).boxed();
    let request = Request::post("https://plain.test/")
        .header("content-encoding", encoding)
        .body(body)
        .unwrap();
    let answer = read_h2(&mut sender, request).await;
    let denied = answer.header("x-bottle-denied").to_owned();
    (answer.status.as_u16(), denied)
}

#[tokio::test]
async fn what_is_compressed_is_looked_into_and_goes_on_as_it_was() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[b"h2"]).await;
    let stopped = post_bytes(&world, "gzip", gzip(&json(SECRET))).await;
    assert_eq!(stopped, (403, "secret".to_owned()));
    assert!(got.take().iter().all(|arrived| !arrived.whole));
    let sent = gzip(&json(NEIGHBOUR));
    let passed = post_bytes(&world, "gzip", sent.clone()).await;
    assert_eq!(passed, (200, String::new()));
    let arrived = got.take().pop().unwrap();
    assert_eq!(arrived.body, sent);
    assert!(arrived.head.contains("gzip"));
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_denied_unless_the_route_lets_it_pass() {
    let mut setup = bottle();
    let passes = |route: &mut bottle_contract::policy::Route| {
        route.dlp.unscannable = Some(bottle_contract::dlp::Unscannable::Pass);
    };
    setup
        .config
        .policy
        .routes
        .iter_mut()
        .skip(3)
        .for_each(passes);
    let world = setup.start().await;
    let (origin, got) = keeper(&world, &[]).await;
    let ask = async |host: &str| {
        let headers = [("content-encoding", "x-own")];
        let url = format!("https://{host}/");
        world
            .agent
            .ask("POST", &url, &headers, "what is this")
            .await
    };
    let answer = ask("plain.test").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, "unscannable")
    );
    assert!(
        answer.body.contains("unscannable = \"pass\""),
        "{}",
        answer.body
    );
    assert_eq!(world.last_denial().reason, Some(Reason::Unscannable));
    // It was known from the head, so nothing was dialled.
    assert_eq!(origin.connections(), 0);
    world.fake.name("a.wild.test", &[&["10.9.8.7"]]);
    let answer = ask("a.wild.test").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(got.take().pop().unwrap().body, b"what is this");
    let decision = world.decisions().pop().unwrap();
    assert_eq!(decision.warnings[0].detector, "unscannable");
}

#[tokio::test]
async fn an_upload_that_goes_on_after_the_match_gets_its_answer() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let rest = "y".repeat(2_000_000);
    for (value, status) in [(SECRET, "403"), (NEIGHBOUR, "200")] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{value}{rest}",
            value.len() + rest.len()
        );
        let stream = world.agent.tunnel("plain.test").await.unwrap();
        let tls = world.agent.tls(stream, "plain.test").await;
        let answer = exchange(tls, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        if status == "200" {
            assert!(got.take().pop().unwrap().whole);
        } else {
            got.never(SECRET);
        }
    }
}
