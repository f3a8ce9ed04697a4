//! Many streams, and large bodies: nothing fails, and nothing is held.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bottle_contract::audit::Outcome;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::agent::read_h2;
use crate::h2::{get, origin};
use crate::origin::text;
use crate::world::{World, route, within};

/// The pieces that a large body comes in.
const PIECE: usize = 64 * 1024;
/// A large body: far more than all buffers on the way.
const LARGE: u64 = 256 * 1024 * 1024;
/// The same for what is looked through byte by byte, by a sidecar that was built for its tests.
const LARGE_AND_SCANNED: u64 = 64 * 1024 * 1024;
/// What the sockets, windows and buffers on the way may hold between them.
const ON_THE_WAY: u64 = 24 * 1024 * 1024;

/// A body that is made as it is asked for, and says how much of it there was.
struct Made {
    left: u64,
    count: Arc<AtomicU64>,
    piece: Bytes,
}

impl Made {
    fn new(left: u64, made: &Arc<AtomicU64>) -> Self {
        Self {
            left,
            count: Arc::clone(made),
            piece: Bytes::from(vec![b'x'; PIECE]),
        }
    }
}

impl http_body::Body for Made {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= PIECE as u64;
        self.count.fetch_add(PIECE as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }
}

/// Reads a body to its end, and returns its length and the most that was ever on the way.
async fn drain(mut body: hyper::body::Incoming, made: &AtomicU64) -> (u64, u64) {
    let (mut read, mut most) = (0, 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.unwrap().into_data() else {
            continue;
        };
        read += data.len() as u64;
        most = most.max(made.load(Ordering::Relaxed).saturating_sub(read));
    }
    (read, most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_open_at_the_same_time() {
    const CONNECTIONS: usize = 10;
    const STREAMS: usize = 100;
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    // Nobody is answered before the last one has arrived.
    let all = Arc::new(Barrier::new(CONNECTIONS * STREAMS));
    origin.answer(move |_| {
        let all = Arc::clone(&all);
        async move {
            all.wait().await;
            Response::new(text("all here"))
        }
    });
    let mut answers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let sender = world.agent.h2("api.test").await;
        for _ in 0..STREAMS {
            let mut sender = sender.clone();
            answers.spawn(async move { read_h2(&mut sender, get("https://api.test/")).await });
        }
    }
    while let Some(answer) = within(answers.join_next()).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "all here"));
    }
    assert!(
        world
            .decisions()
            .iter()
            .all(|decision| decision.verdict == Outcome::Allow)
    );
    // As many connections as the streams need, and not one for each.
    assert!(origin.connections() <= 11, "{}", origin.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_too_many_is_told_so() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let all = Arc::new(Barrier::new(1025));
    let waiting = Arc::clone(&all);
    let arrived = Arc::new(AtomicU64::new(0));
    let arriving = Arc::clone(&arrived);
    origin.answer(move |_| {
        let waiting = Arc::clone(&waiting);
        arriving.fetch_add(1, Ordering::Relaxed);
        async move {
            waiting.wait().await;
            Response::new(text("at last"))
        }
    });
    let mut answers = JoinSet::new();
    for _ in 0..8 {
        let sender = world.agent.h2("api.test").await;
        for _ in 0..128 {
            let mut sender = sender.clone();
            answers.spawn(async move { read_h2(&mut sender, get("https://api.test/")).await });
        }
    }
    within(async {
        while arrived.load(Ordering::Relaxed) < 1024 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut sender = world.agent.h2("api.test").await;
    let refused = read_h2(&mut sender, get("https://api.test/")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    all.wait().await;
    while let Some(answer) = within(answers.join_next()).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    origin.answer(|_| async { Response::new(text("room again")) });
    let answer = read_h2(&mut sender, get("https://api.test/")).await;
    assert_eq!(answer.body, "room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_download_is_never_held() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let made = Arc::new(AtomicU64::new(0));
    let making = Arc::clone(&made);
    origin.answer(move |_| {
        let body = Made::new(LARGE, &making);
        async move { Response::new(body.boxed()) }
    });
    let mut sender = world.agent.h2("api.test").await;
    let response = within(sender.send_request(get("https://api.test/")))
        .await
        .unwrap();
    let (read, most) = drain(response.into_body(), &made).await;
    assert_eq!(read, LARGE);
    assert!(most < ON_THE_WAY, "{most} bytes were on the way");
    assert_eq!(world.finished(1).await.bytes_in, LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_is_never_held() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let made = Arc::new(AtomicU64::new(0));
    let making = Arc::clone(&made);
    origin.answer(move |request| {
        let made = Arc::clone(&making);
        async move {
            let (read, most) = drain(request.into_body(), &made).await;
            Response::new(text(&format!("{read} {}", most < ON_THE_WAY)))
        }
    });
    let mut sender = world.agent.h2("api.test").await;
    let request =
        Request::post("https://api.test/").body(Made::new(LARGE_AND_SCANNED, &made).boxed());
    let answer = read_h2(&mut sender, request.unwrap()).await;
    assert_eq!(answer.body, format!("{LARGE_AND_SCANNED} true"));
    assert_eq!(world.finished(1).await.bytes_out, LARGE_AND_SCANNED);
}
