//! Secrets that come back: the agent never gets to see what the sidecar put in.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};

use crate::agent::read_h2;
use crate::dlp_world::{NEIGHBOUR, REAL, SECRET, bottle, keeper};
use crate::origin::text;
use crate::streaming::{channel, data};
use crate::world::{World, within};

fn no_secret(text: &str) {
    for value in [SECRET, REAL] {
        assert!(!text.contains(value), "{text}");
        assert!(!text.contains(&STANDARD.encode(value)), "{text}");
    }
}

#[tokio::test]
async fn an_origin_that_echoes_does_not_tell_the_agent() {
    for protocols in [&[][..], &[&b"h2"[..]]] {
        let world = bottle().start().await;
        let (origin, _got) = keeper(&world, protocols).await;
        origin.answer(|request| async move {
            let said = request.headers()["authorization"]
                .to_str()
                .unwrap()
                .to_owned();
            let encoded = STANDARD.encode(&said[7..]);
            Response::builder()
                .header("x-said", &said)
                .header("x-harmless", NEIGHBOUR)
                .body(text(&format!("{NEIGHBOUR} {said} {encoded} {REAL} end")))
                .unwrap()
        });
        let answer = world.agent.get("https://auth.test/").await;
        assert_eq!(answer.status, 200);
        no_secret(&answer.body);
        no_secret(answer.header("x-said"));
        assert_eq!(answer.header("x-harmless"), NEIGHBOUR);
        let rest = answer.body.strip_prefix(NEIGHBOUR).unwrap();
        assert!(
            rest.ends_with(" end") && rest.starts_with(" Bearer "),
            "{rest}"
        );
        let id = world.decisions().pop().unwrap().id;
        let places: Vec<String> = world
            .finished(id)
            .await
            .redacted
            .into_iter()
            .map(|found| found.place)
            .collect();
        assert_eq!(
            places,
            ["header x-said of the answer", "body of the answer"]
        );
        world.log_is_clean();
    }
}

#[tokio::test]
async fn events_arrive_one_by_one_and_a_secret_across_two_of_them_does_not() {
    let world = bottle().start().await;
    let (origin, _got) = keeper(&world, &[b"h2"]).await;
    let (events, body) = channel();
    let body = Arc::new(Mutex::new(Some(body)));
    origin.answer(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body.boxed()) }
    });
    let mut sender = world.agent.h2("auth.test").await;
    let request = Request::get("https://auth.test/").body(text("")).unwrap();
    let mut back = within(sender.send_request(request))
        .await
        .unwrap()
        .into_body();
    let mut read = String::new();
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        // The next event is only sent once the one before it has arrived.
        events.send(data(event)).await.unwrap();
        while !read.ends_with(event) {
            let frame = within(back.frame()).await.unwrap().unwrap();
            read.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }
    let (half, rest) = SECRET.split_at(9);
    for part in [half, rest, " end"] {
        let part = Frame::data(part.to_owned().into());
        events.send(part).await.unwrap();
    }
    drop(events);
    while let Some(frame) = within(back.frame()).await {
        let data = frame.unwrap().into_data().unwrap();
        read.push_str(std::str::from_utf8(&data).unwrap());
    }
    no_secret(&read);
    assert!(!read.contains(rest), "{read}");
    assert!(read.ends_with(" end"), "{read}");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// What an origin is asked for when the agent sends these headers.
async fn asked(world: World, lines: &[&[(&str, &str)]]) -> Vec<String> {
    let (origin, _got) = keeper(&world, &[]).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    origin.answer(move |request| {
        let value = request.headers().get("accept-encoding");
        let value = value.map_or("", |value| value.to_str().unwrap());
        noted.lock().unwrap().push(value.to_owned());
        async { Response::new(text("")) }
    });
    for headers in lines {
        let url = "https://plain.test/";
        assert_eq!(world.agent.ask("GET", url, headers, "").await.status, 200);
    }
    let asked = asked.lock().unwrap();
    asked.clone()
}

#[tokio::test]
async fn only_what_can_be_decoded_is_asked_for() {
    let lines: [&[(&str, &str)]; 4] = [
        &[("accept-encoding", "x-own, gzip")],
        &[("accept-encoding", "x-own")],
        &[],
        &[("accept-encoding", "gzip"), ("range", "bytes=0-9")],
    ];
    assert_eq!(
        asked(bottle().start().await, &lines).await,
        ["gzip", "identity", "identity", "identity"]
    );
    // Where there is nothing to take out, the agent's own word counts.
    let plain = World::start(&[crate::world::route("plain.test")]).await;
    assert_eq!(
        asked(plain, &lines).await,
        ["x-own, gzip", "x-own", "", "gzip"]
    );
}

#[tokio::test]
async fn a_compressed_answer_is_cleaned_and_comes_decoded() {
    let world = bottle().start().await;
    let (origin, _got) = keeper(&world, &[]).await;
    origin.answer(|_| async {
        let body = gzip(&format!("{NEIGHBOUR} {SECRET} end"));
        let body = Full::new(body.into()).boxed();
        Response::builder()
            .header("content-encoding", "gzip")
            .body(body)
            .unwrap()
    });
    let answer = world.agent.get("https://plain.test/").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.headers.contains_key("content-encoding"));
    no_secret(&answer.body);
    assert!(answer.body.starts_with(NEIGHBOUR) && answer.body.ends_with(" end"));
    // What nobody can decode does not come through.
    origin.answer(|_| async {
        Response::builder()
            .header("content-encoding", "x-own")
            .body(text("who knows"))
            .unwrap()
    });
    let answer = world.agent.get("https://plain.test/").await;
    assert_eq!(answer.status, 502, "{}", answer.body);
}

#[tokio::test]
async fn a_redirect_that_carries_a_secret_leads_nowhere() {
    let world = bottle().start().await;
    let (origin, got) = keeper(&world, &[]).await;
    origin.answer(|request| async move {
        let said = request.headers()["authorization"]
            .to_str()
            .unwrap()
            .to_owned();
        Response::builder()
            .status(302)
            .header("location", format!("https://plain.test/?t={}", &said[7..]))
            .body(text(""))
            .unwrap()
    });
    let answer = world.agent.get("https://auth.test/").await;
    assert_eq!(answer.status, 302);
    no_secret(answer.header("location"));
    assert!(
        answer
            .header("location")
            .starts_with("https://plain.test/?t=")
    );
    assert!(got.take().is_empty());
}

#[tokio::test]
async fn trailers_are_cleaned_too_and_come_last() {
    let world = bottle().start().await;
    let (origin, _got) = keeper(&world, &[b"h2"]).await;
    origin.answer(|_| async {
        let (frames, body) = channel();
        tokio::spawn(async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            trailers.insert("grpc-message", SECRET.parse().unwrap());
            let half = &SECRET[..8];
            drop(frames.send(Frame::data(half.to_owned().into())).await);
            drop(frames.send(Frame::trailers(trailers)).await);
        });
        Response::new(body.boxed())
    });
    let mut sender = world.agent.h2("plain.test").await;
    let request = Request::get("https://plain.test/").header("te", "trailers");
    let answer = read_h2(&mut sender, request.body(text("")).unwrap()).await;
    // The beginning of a secret is no secret.
    assert_eq!(answer.body, &SECRET[..8]);
    let trailers = answer.trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    no_secret(trailers["grpc-message"].to_str().unwrap());
}
