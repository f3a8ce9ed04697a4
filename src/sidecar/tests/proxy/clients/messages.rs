//! The messages of the gRPC service of these tests, and the service itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _};
use http::{Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// What either side says.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Said {
    #[prost(string, tag = "1")]
    pub(super) text: String,
    #[prost(uint32, tag = "2")]
    pub(super) number: u32,
}

pub(super) fn said(text: &str, number: u32) -> Said {
    Said {
        text: text.to_owned(),
        number,
    }
}

pub(super) type Saying = Pin<Box<dyn Stream<Item = Result<Said, Status>> + Send>>;
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A path that was called, with the deadline that came along.
pub(super) type Called = (String, Option<String>);

/// A service with one method of each kind.
#[derive(Clone, Default)]
pub(super) struct Echo {
    pub(super) called: Arc<Mutex<Vec<Called>>>,
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let path = request.uri().path().to_owned();
        let deadline = request.headers().get("grpc-timeout");
        let deadline = deadline.map(|value| value.to_str().unwrap().to_owned());
        self.called.lock().unwrap().push((path.clone(), deadline));
        Box::pin(async move { Ok(answer(&path, request).await) })
    }
}

async fn answer(path: &str, request: Request<Body>) -> Response<Body> {
    let mut grpc = Grpc::new(ProstCodec::<Said, Said>::default());
    match path {
        "/echo.Echo/Once" => grpc.unary(service_fn(once), request).await,
        "/echo.Echo/Sum" => grpc.client_streaming(service_fn(sum), request).await,
        "/echo.Echo/Count" => grpc.server_streaming(service_fn(count), request).await,
        "/echo.Echo/Talk" => grpc.streaming(service_fn(talk), request).await,
        "/echo.Echo/Never" => grpc.unary(service_fn(never), request).await,
        _ => Status::unimplemented("no such method").into_http(),
    }
}

async fn once(request: tonic::Request<Said>) -> Result<tonic::Response<Said>, Status> {
    let asked = request.into_inner();
    if asked.text == "fail" {
        let mut trailers = MetadataMap::new();
        trailers.insert("x-left", "3".parse().unwrap());
        return Err(Status::with_metadata(
            Code::ResourceExhausted,
            "enough for today",
            trailers,
        ));
    }
    Ok(tonic::Response::new(said(&asked.text, asked.number + 1)))
}

async fn sum(request: tonic::Request<Streaming<Said>>) -> Result<tonic::Response<Said>, Status> {
    let mut asked = request.into_inner();
    let mut number = 0;
    while let Some(one) = asked.message().await? {
        number += one.number;
    }
    Ok(tonic::Response::new(said("sum", number)))
}

async fn count(request: tonic::Request<Said>) -> Result<tonic::Response<Saying>, Status> {
    let last = request.into_inner().number;
    let numbers = futures_util::stream::iter((1..=last).map(|number| Ok(said("count", number))));
    let mut trailers = MetadataMap::new();
    trailers.insert("x-left", "0".parse().unwrap());
    let end = Status::with_metadata(Code::OutOfRange, "that was all", trailers);
    let all = numbers.chain(futures_util::stream::once(async { Err(end) }));
    Ok(tonic::Response::new(Box::pin(all)))
}

/// Answers each message before the next one comes.
async fn talk(request: tonic::Request<Streaming<Said>>) -> Result<tonic::Response<Saying>, Status> {
    let answers = request
        .into_inner()
        .map(|one| one.map(|one| said(&one.text, one.number * 2)));
    Ok(tonic::Response::new(Box::pin(answers)))
}

async fn never(_: tonic::Request<Said>) -> Result<tonic::Response<Said>, Status> {
    std::future::pending().await
}
