//! Clients that ask for URLs: curl, node's fetch and undici, python's requests and httpx.

use std::sync::{Arc, Mutex};

use bottle_contract::audit::{Outcome, Protocol};
use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStdout;

use super::program::{Surroundings, ended, installed};
use crate::origin::{Body, Origin, text};
use crate::streaming::{Channel, channel, data};
use crate::world::{PIN, World, route, within};

/// A client, and what tells that it is there.
#[derive(Clone, Copy)]
struct Client {
    name: &'static str,
    program: &'static str,
    /// Succeeds where the client is installed.
    probe: &'static [&'static str],
    call: fn(&Surroundings, &str, Option<&str>) -> Vec<String>,
    protocol: Protocol,
}

const CURL_H1: Client = Client {
    name: "curl",
    program: "curl",
    probe: &["--version"],
    call: |around, url, upload| curl("--http1.1", around, url, upload),
    protocol: Protocol::H1,
};

const CURL_H2: Client = Client {
    name: "curl --http2",
    program: "curl",
    probe: &["--http2", "--version"],
    call: |around, url, upload| curl("--http2", around, url, upload),
    protocol: Protocol::H2,
};

const FETCH: Client = Client {
    name: "node's fetch",
    program: "node",
    probe: &["-e", "require('undici')"],
    call: |around, url, upload| node("fetch", around, url, upload),
    protocol: Protocol::H1,
};

const UNDICI: Client = Client {
    name: "undici",
    call: |around, url, upload| node("undici", around, url, upload),
    ..FETCH
};

const REQUESTS: Client = Client {
    name: "requests",
    program: "/usr/bin/python3",
    probe: &["-c", "import requests"],
    call: |around, url, upload| python("requests", around, url, upload),
    protocol: Protocol::H1,
};

const HTTPX: Client = Client {
    name: "httpx",
    program: "/usr/bin/python3",
    probe: &["-c", "import httpx"],
    call: |around, url, upload| python("httpx", around, url, upload),
    protocol: Protocol::H1,
};

const HTTPX_H2: Client = Client {
    name: "httpx with HTTP/2",
    program: "/usr/bin/python3",
    probe: &["-c", "import httpx, h2"],
    call: |around, url, upload| python("httpx-h2", around, url, upload),
    protocol: Protocol::H2,
};

fn curl(version: &str, around: &Surroundings, url: &str, upload: Option<&str>) -> Vec<String> {
    let ca = around.ca().display().to_string();
    let mut words = vec!["-sSN", version, "--cacert", &ca];
    let upload = upload.map(|path| format!("@{path}"));
    if let Some(upload) = &upload {
        words.extend(["--data-binary", upload]);
    }
    words.extend(["-w", "\nstatus %{http_code} %{http_connect}\n", url]);
    words.into_iter().map(str::to_owned).collect()
}

fn node(library: &str, around: &Surroundings, url: &str, upload: Option<&str>) -> Vec<String> {
    let script = around.file("fetch.cjs", include_bytes!("fetch.cjs"));
    let script = script.display().to_string();
    let words = [&script, library, url, around.proxy()];
    words.into_iter().chain(upload).map(str::to_owned).collect()
}

fn python(library: &str, around: &Surroundings, url: &str, upload: Option<&str>) -> Vec<String> {
    let script = around.file("fetch.py", include_bytes!("fetch.py"));
    let (script, ca) = (script.display().to_string(), around.ca());
    let ca = ca.display().to_string();
    let words = [&script, library, url, &ca];
    words.into_iter().chain(upload).map(str::to_owned).collect()
}

/// A sidecar, an origin that speaks both versions, and events that it waits for.
struct Scene {
    world: World,
    around: Surroundings,
    _origin: Origin,
    seen: Arc<Mutex<Vec<String>>>,
    events: tokio::sync::mpsc::Sender<http_body::Frame<bytes::Bytes>>,
}

impl Scene {
    async fn start() -> Self {
        let narrow = Route {
            paths: Some(vec!["/v1/**".parse().unwrap()]),
            ..route("api.test")
        };
        let world = World::start(&[narrow]).await;
        let origin = Origin::speaking(&world.ca, &["api.test"], &[b"h2", b"http/1.1"]).await;
        world.fake.place(PIN, 443, origin.address);
        let (events, body) = channel();
        let body = Arc::new(Mutex::new(Some(body)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        origin.answer(move |request| {
            kept.lock().unwrap().push(request.uri().path().to_owned());
            answer(request, Arc::clone(&body))
        });
        Self {
            around: Surroundings::of(&world),
            world,
            _origin: origin,
            seen,
            events,
        }
    }

    async fn run(&self, client: Client, url: &str, upload: Option<&str>) -> String {
        let words = (client.call)(&self.around, url, upload);
        let ended = self.around.run(client.program, &words).await;
        format!("{}{}", ended.stdout, ended.stderr)
    }

    async fn allowed(&self, client: Client) {
        let said = self.run(client, "https://api.test/v1/hello", None).await;
        assert!(said.contains("hello from the origin"), "{said}");
        assert!(said.contains("status 200"), "{said}");
        let decision = self.world.decisions().pop().unwrap();
        assert_eq!(decision.verdict, Outcome::Allow);
        assert_eq!(decision.protocol, Some(client.protocol));
        assert_eq!(decision.path.as_deref(), Some("/v1/hello"));
        let finished = self.world.finished(decision.id).await;
        assert_eq!((finished.status, finished.bytes_in), (Some(200), 21));
    }

    async fn denied(&self, client: Client) {
        let said = self.run(client, "https://api.test/v2/hello", None).await;
        assert!(said.contains("status 403"), "{said}");
        assert!(said.contains("bottle: denied"), "{said}");
        let denial = self.world.last_denial();
        assert_eq!(denial.reason, Some(Reason::Path));
        assert_eq!(denial.protocol, Some(client.protocol));
        // Each client has words of its own for a tunnel that is refused.
        let said = self.run(client, "https://evil.test/v1/hello", None).await;
        assert!(!said.contains("status 200"), "{said}");
        assert_eq!(self.world.last_denial().reason, Some(Reason::Host));
    }

    async fn uploaded(&self, client: Client) {
        let upload = self.around.file("upload", &vec![b'u'; 3_000_000]);
        let upload = upload.display().to_string();
        let said = self
            .run(client, "https://api.test/v1/upload", Some(&upload))
            .await;
        assert!(said.contains("3000000 bytes"), "{said}");
        let decision = self.world.decisions().pop().unwrap();
        assert_eq!(decision.method.as_deref(), Some("POST"));
        let finished = self.world.finished(decision.id).await;
        assert_eq!(finished.bytes_out, 3_000_000);
    }

    /// Each event is sent once the one before it has been printed.
    async fn streamed(&self, client: Client) {
        let words = (client.call)(&self.around, "https://api.test/v1/events", None);
        let mut child = self.around.command(client.program, &words).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            within(self.events.send(data(event))).await.unwrap();
            assert_eq!(read(&mut stdout, event.len()).await, event);
        }
        child.kill().await.unwrap();
        ended(child).await;
        assert_eq!(self.seen.lock().unwrap().last().unwrap(), "/v1/events");
        assert!(
            !self
                .seen
                .lock()
                .unwrap()
                .iter()
                .any(|path| path == "/v2/hello")
        );
    }
}

async fn read(stdout: &mut ChildStdout, length: usize) -> String {
    let mut bytes = vec![0; length];
    within(stdout.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn answer(request: Request<Incoming>, events: Arc<Mutex<Option<Channel>>>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    match head.uri.path() {
        "/v1/hello" => Response::new(text("hello from the origin")),
        "/v1/events" => {
            let events = events.lock().unwrap().take().unwrap();
            let answer = Response::builder().header("content-type", "text/event-stream");
            answer.body(events.boxed()).unwrap()
        }
        "/v1/upload" => {
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, bytes::Bytes::len);
            }
            Response::new(text(&format!("{length} bytes")))
        }
        _ => {
            let mut answer = Response::new(text("nothing here"));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            answer
        }
    }
}

async fn check(client: Client) {
    let scene = Scene::start().await;
    if !installed(&scene.world, client.name, client.program, client.probe).await {
        return;
    }
    scene.allowed(client).await;
    scene.denied(client).await;
    scene.uploaded(client).await;
    scene.streamed(client).await;
}

#[tokio::test]
async fn curl_in_http_1() {
    check(CURL_H1).await;
}

#[tokio::test]
async fn curl_in_http_2() {
    check(CURL_H2).await;
}

#[tokio::test]
async fn nodes_fetch() {
    check(FETCH).await;
}

#[tokio::test]
async fn undici() {
    check(UNDICI).await;
}

#[tokio::test]
async fn pythons_requests() {
    check(REQUESTS).await;
}

#[tokio::test]
async fn httpx_in_http_1() {
    check(HTTPX).await;
}

#[tokio::test]
async fn httpx_in_http_2() {
    check(HTTPX_H2).await;
}
