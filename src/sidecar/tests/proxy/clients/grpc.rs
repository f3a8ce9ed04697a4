//! gRPC: a client and a server of tonic, with the whole sidecar in between.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bottle_contract::audit::Protocol;
use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use futures_util::stream;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use tonic::client::Grpc;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::messages::{Echo, Said, said};
use crate::origin::serve_tls;
use crate::world::{PIN, World, route, within};

/// A connection as tonic's server wants it.
struct Accepted(TlsStream<TcpStream>);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A server of tonic at the pin, and a client of tonic that goes through the sidecar.
struct Scene {
    world: World,
    echo: Echo,
    client: Grpc<Channel>,
}

impl Scene {
    async fn start() -> Self {
        let narrow = Route {
            paths: Some(vec!["/echo.Echo/*".parse().unwrap()]),
            ..route("api.test")
        };
        let world = World::start(&[narrow]).await;
        let echo = Echo::default();
        serve(&world, echo.clone()).await;
        let agent = world.agent.with_alpn(b"h2");
        let connect = service_fn(move |_| {
            let agent = agent.clone();
            async move {
                let stream = agent.tunnel("api.test").await.unwrap();
                let tls = agent.handshake(stream, "api.test").await?;
                Ok::<_, io::Error>(TokioIo::new(tls))
            }
        });
        // TLS is made by the connector, so that the address says nothing of it.
        let endpoint =
            Endpoint::from_static("http://api.test").origin("https://api.test".parse().unwrap());
        let channel = within(endpoint.connect_with_connector(connect))
            .await
            .unwrap();
        Self {
            world,
            echo,
            client: Grpc::new(channel),
        }
    }

    async fn once(
        &mut self,
        path: &'static str,
        request: Request<Said>,
    ) -> Result<Said, tonic::Status> {
        within(self.client.ready()).await.unwrap();
        let path = PathAndQuery::from_static(path);
        within(
            self.client
                .unary(request, path, ProstCodec::<Said, Said>::default()),
        )
        .await
        .map(tonic::Response::into_inner)
    }
}

async fn serve(world: &World, echo: Echo) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.fake.place(PIN, 443, listener.local_addr().unwrap());
    let acceptor = world.ca.acceptor(&["api.test"], &[b"h2"]);
    let (accepted, connections) = mpsc::unbounded_channel();
    serve_tls(
        listener,
        acceptor,
        || {},
        move |stream| {
            let sent = accepted.send(Ok::<_, io::Error>(Accepted(stream)));
            async move { drop(sent) }
        },
    );
    let incoming = stream::unfold(connections, |mut connections| async {
        let next = connections.recv().await?;
        Some((next, connections))
    });
    tokio::spawn(Server::builder().serve_with_incoming(echo, incoming));
}

#[tokio::test]
async fn a_unary_call_is_answered_and_audited() {
    let mut scene = Scene::start().await;
    let answer = scene
        .once("/echo.Echo/Once", Request::new(said("a", 1)))
        .await;
    assert_eq!(answer.unwrap(), said("a", 2));
    let decision = scene.world.decisions().pop().unwrap();
    assert_eq!(decision.protocol, Some(Protocol::H2));
    assert_eq!(decision.path.as_deref(), Some("/echo.Echo/Once"));
    assert_eq!(decision.method.as_deref(), Some("POST"));
    let finished = scene.world.finished(decision.id).await;
    assert_eq!(finished.status, Some(200));
    assert!(
        finished.bytes_out > 5 && finished.bytes_in > 5,
        "{finished:?}"
    );
    // A status that is no success, and what goes with it in the trailers.
    let status = scene
        .once("/echo.Echo/Once", Request::new(said("fail", 1)))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::ResourceExhausted, "enough for today")
    );
    assert_eq!(status.metadata().get("x-left").unwrap(), "3");
}

#[tokio::test]
async fn a_call_that_no_route_has_never_arrives() {
    let mut scene = Scene::start().await;
    let status = scene
        .once("/secret.Secret/Once", Request::new(said("a", 1)))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(status.message(), "bottle: denied (path)");
    assert_eq!(scene.world.last_denial().reason, Some(Reason::Path));
    assert!(scene.echo.called.lock().unwrap().is_empty());
    let answer = scene
        .once("/echo.Echo/Once", Request::new(said("a", 1)))
        .await;
    assert_eq!(answer.unwrap().number, 2);
    assert_eq!(scene.echo.called.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_deadline_goes_along_and_counts() {
    let mut scene = Scene::start().await;
    let mut request = Request::new(said("a", 1));
    request.set_timeout(Duration::from_millis(300));
    let status = scene.once("/echo.Echo/Never", request).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status:?}"
    );
    let called = scene.echo.called.lock().unwrap().pop().unwrap();
    assert!(called.1.is_some(), "no deadline arrived");
    // The connection goes on.
    let mut request = Request::new(said("a", 1));
    request.set_timeout(Duration::from_secs(20));
    assert_eq!(
        scene.once("/echo.Echo/Once", request).await.unwrap().number,
        2
    );
}

#[tokio::test]
async fn messages_of_the_client_arrive_in_a_stream() {
    let mut scene = Scene::start().await;
    within(scene.client.ready()).await.unwrap();
    let numbers = stream::iter((1..=1000).map(|number| said("add", number)));
    let path = PathAndQuery::from_static("/echo.Echo/Sum");
    let codec = ProstCodec::<Said, Said>::default();
    let asking = scene
        .client
        .client_streaming(Request::new(numbers), path, codec);
    let answer = within(asking).await.unwrap().into_inner();
    assert_eq!(answer.number, 500_500);
}

#[tokio::test]
async fn messages_of_the_server_arrive_in_a_stream_and_its_status_last() {
    let mut scene = Scene::start().await;
    within(scene.client.ready()).await.unwrap();
    let path = PathAndQuery::from_static("/echo.Echo/Count");
    let codec = ProstCodec::<Said, Said>::default();
    let request = Request::new(said("up to", 1000));
    let asking = scene.client.server_streaming(request, path, codec);
    let mut answers = within(asking).await.unwrap().into_inner();
    for number in 1..=1000 {
        let answer: Said = within(answers.message()).await.unwrap().unwrap();
        assert_eq!(answer.number, number);
    }
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::OutOfRange, "that was all")
    );
    assert_eq!(status.metadata().get("x-left").unwrap(), "0");
}

/// Neither side sends its next message before it has the other's answer.
#[tokio::test]
async fn both_sides_talk_in_turn() {
    let mut scene = Scene::start().await;
    within(scene.client.ready()).await.unwrap();
    let (saying, queue) = mpsc::channel(1);
    let questions = stream::unfold(queue, |mut queue| async {
        let next: Said = queue.recv().await?;
        Some((next, queue))
    });
    let path = PathAndQuery::from_static("/echo.Echo/Talk");
    let codec = ProstCodec::<Said, Said>::default();
    let asking = scene.client.streaming(Request::new(questions), path, codec);
    let mut answers = within(asking).await.unwrap().into_inner();
    for number in 1..=20 {
        saying.send(said("twice", number)).await.unwrap();
        let answer: Said = within(answers.message()).await.unwrap().unwrap();
        assert_eq!(answer, said("twice", number * 2));
    }
    drop(saying);
    assert_eq!(within(answers.message()).await.unwrap(), None);
}
