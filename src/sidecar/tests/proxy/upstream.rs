//! The way to the origin: trust, reuse, and failures that name their phase.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bottle_contract::control::{Reply, Request as Control};
use bottle_sidecar::app::Outside;
use bottle_sidecar::relay::{Dial, Dialling};
use http::{Request, Response};
use http_body_util::Full;

use crate::agent::read;
use crate::origin::{Origin, TestCa, text};
use crate::world::{Fake, PIN, Setup, World, route, within};

#[tokio::test]
async fn an_origin_must_show_a_certificate_that_is_trusted_and_its_own() {
    let world = World::start(&[route("api.test")]).await;
    let trusted = Origin::tls(&world.ca, &["api.test"]).await;
    let other_name = Origin::tls(&world.ca, &["other.test"]).await;
    let untrusted = Origin::tls(&TestCa::new(), &["api.test"]).await;
    for (origin, status) in [(&untrusted, 502), (&other_name, 502), (&trusted, 200)] {
        world.fake.place(PIN, 443, origin.address);
        let answer = world.agent.get("https://api.test/").await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 502 {
            assert_eq!(answer.header("x-bottle-failed"), "tls");
            assert!(answer.body.contains("api.test: tls: "), "{}", answer.body);
            assert!(origin.take().is_empty());
        }
    }

    let mut setup = Setup::new(&[route("api.test")]);
    setup.config.extra_ca.clear();
    let strict = setup.start().await;
    strict.fake.place(PIN, 443, trusted.address);
    assert_eq!(strict.agent.get("https://api.test/").await.status, 502);
    let finished = strict.finished(1).await;
    assert!(finished.error.unwrap().starts_with("tls: "));
}

#[tokio::test]
async fn a_failure_names_its_phase() {
    let world = World::start(&[route("api.test")]).await;
    let answer = world.agent.get("https://api.test/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-failed")),
        (502, "connect")
    );
    assert!(
        answer
            .body
            .contains("no answer from api.test: connect: 10.9.8.7:443"),
        "{}",
        answer.body
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 80, listener.local_addr().unwrap());
    let hang_up = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let answer = world.agent.get("http://api.test/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-failed")),
        (502, "response")
    );
    hang_up.await.unwrap();
}

#[tokio::test]
async fn connections_are_used_again_on_both_sides() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let mut sender = world.agent.keep_alive("api.test").await;
    for number in 0..20 {
        let request = Request::get(format!("/{number}")).header("host", "api.test");
        let answer = read(&mut sender, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 200);
    }
    // Giving a connection back and asking for the next race; far fewer than twenty is what counts.
    assert!(origin.connections() <= 5, "{}", origin.connections());
    assert_eq!(origin.take().len(), 20);
}

#[tokio::test]
async fn two_routes_never_share_a_connection() {
    let mut first = route("api.test");
    first.paths = Some(vec!["/a".parse().unwrap()]);
    let mut second = route("api.test");
    second.paths = Some(vec!["/b".parse().unwrap()]);
    let world = World::start(&[first, second]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    for url in ["https://api.test/a", "https://api.test/b"] {
        assert_eq!(world.agent.get(url).await.status, 200);
    }
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_redirect_is_the_agents_to_follow() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|_| async {
        Response::builder()
            .status(302)
            .header("location", "https://evil.test/")
            .body(text(""))
            .unwrap()
    });
    let answer = world.agent.get("https://api.test/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (302, "https://evil.test/")
    );
    assert_eq!(world.agent.get(answer.header("location")).await.status, 403);
}

#[tokio::test]
async fn methods_and_answers_without_a_body_pass() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|request| async move {
        let status = if request.method() == "DELETE" {
            204
        } else {
            200
        };
        let mut response = Response::builder().status(status);
        if request.method() == "HEAD" {
            response = response.header("content-length", "1234");
        }
        response.body(text("")).unwrap()
    });
    let answer = world.agent.ask("HEAD", "https://api.test/", &[], "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-length")),
        (200, "1234")
    );
    let answer = world
        .agent
        .ask("DELETE", "https://api.test/", &[], "")
        .await;
    assert_eq!(answer.status, 204);
    for id in 1..=2 {
        assert_eq!(world.finished(id).await.error, None);
    }
}

#[tokio::test]
async fn a_request_that_waits_for_100_continue_gets_it() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let mut tls = world.agent.tls(stream, "api.test").await;
    let head = "POST / HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut tls, head.as_bytes())
        .await
        .unwrap();
    let interim = crate::agent::read_head(&mut tls).await;
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    let answer = crate::agent::exchange(tls, "hi").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = origin.only();
    assert_eq!(seen.body, "hi");
    assert!(!seen.headers.contains_key("expect"));
}

#[tokio::test]
async fn what_moves_is_counted() {
    let world = World::start(&[route("api.test")]).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    world
        .agent
        .ask("POST", "https://api.test/", &[], "four")
        .await;
    world.agent.get("https://evil.test/").await;
    world.finished(1).await;
    let mut open = world.agent.keep_alive("api.test").await;
    let request = Request::get("/").header("host", "api.test");
    read(&mut open, request.body(Full::default()).unwrap()).await;
    world.finished(3).await;
    let Reply::Stats { stats } = world.sidecar.respond(Control::Stats) else {
        panic!("no stats");
    };
    assert_eq!((stats.allowed, stats.denied), (2, 1));
    assert_eq!((stats.bytes_out, stats.bytes_in), (4, 42));
    assert!(stats.connections >= 1);
}

#[tokio::test]
async fn an_agent_that_goes_away_ends_its_request() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let (gone, mut told) = tokio::sync::mpsc::channel::<()>(1);
    origin.answer(move |_| {
        // Dropped when the sidecar closes the connection to the origin.
        let held = gone.clone();
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Response::new(text(""))
        }
    });
    let mut sender = world.agent.keep_alive("api.test").await;
    let request = Request::get("/").header("host", "api.test");
    let waiting = tokio::spawn(sender.send_request(request.body(Full::default()).unwrap()));
    within(async {
        while origin.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waiting.abort();
    drop(sender);
    let finished = world.finished(1).await;
    assert_eq!(finished.status, None);
    assert_eq!(finished.error.as_deref(), Some("the agent went away"));
    // The origin's handler still holds the sender that it was made with.
    origin.answer(|_| async { Response::new(text("again")) });
    assert!(within(told.recv()).await.is_none());
    assert_eq!(world.agent.get("https://api.test/").await.body, "again");
}

#[tokio::test]
async fn a_connection_that_the_origin_closed_is_not_used_again() {
    let world = World::start(&[route("api.test")]).await;
    let origin = world.tls_origin(&["api.test"]).await;
    origin.answer(|_| async {
        Response::builder()
            .header("connection", "close")
            .body(text("bye"))
            .unwrap()
    });
    let mut sender = world.agent.keep_alive("api.test").await;
    for number in 1..=5 {
        let request = Request::get("/").header("host", "api.test");
        let answer = read(&mut sender, request.body(Full::default()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "bye"));
        assert_eq!(origin.connections(), number);
    }
}

#[tokio::test]
async fn an_origin_that_is_too_slow_is_a_gateway_timeout() {
    /// A network on which connections time out.
    #[derive(Debug)]
    struct Slow;
    impl Dial for Slow {
        fn dial(&self, _: SocketAddr) -> Dialling {
            Box::pin(async { Err(std::io::ErrorKind::TimedOut.into()) })
        }
    }
    let setup = Setup::new(&[route("api.test")]);
    let outside = Outside {
        dialer: Arc::new(Slow),
        ..setup.outside()
    };
    let world = setup.start_with(outside).await;
    let answer = world.agent.get("https://api.test/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-failed")),
        (504, "connect")
    );
}

#[tokio::test]
async fn a_dialled_socket_does_not_hold_small_packets_back() {
    /// Keeps another handle of the socket that it dialled.
    #[derive(Debug)]
    struct Watched(Arc<Fake>, Arc<Mutex<Option<std::net::TcpStream>>>);
    impl Dial for Watched {
        fn dial(&self, address: SocketAddr) -> Dialling {
            let (dialling, kept) = (self.0.dial(address), Arc::clone(&self.1));
            Box::pin(async move {
                let stream = dialling.await?.into_std()?;
                *kept.lock().unwrap() = Some(stream.try_clone()?);
                tokio::net::TcpStream::from_std(stream)
            })
        }
    }
    let setup = Setup::new(&[route("api.test")]);
    let kept = Arc::default();
    let outside = Outside {
        dialer: Arc::new(Watched(Arc::clone(&setup.fake), Arc::clone(&kept))),
        ..setup.outside()
    };
    let world = setup.start_with(outside).await;
    let _origin = world.tls_origin(&["api.test"]).await;
    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert!(kept.lock().unwrap().take().unwrap().nodelay().unwrap());
}
