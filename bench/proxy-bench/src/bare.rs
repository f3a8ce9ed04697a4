//! The floor: a relay of the same libraries that decides, logs and scans nothing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::line::connector;
use crate::origin::certificate;

/// What each connection needs.
struct Relay {
    origin: SocketAddr,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

/// Serves until the process is ended: whatever is asked for is asked of one origin, whose authority is
/// in a file. Prints its address and its own authority first.
pub(crate) async fn serve(origin: &str, ca_file: &str) -> anyhow::Result<()> {
    let (acceptor, ca) = certificate()?;
    let relay = Arc::new(Relay {
        origin: origin.parse()?,
        acceptor,
        connector: connector(&std::fs::read_to_string(ca_file)?)?,
        idle: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    print!("{}\n{}\n", listener.local_addr()?, ca.trim_end());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let relay = Arc::clone(&relay);
        tokio::spawn(
            http1::Builder::new()
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| connect(Arc::clone(&relay), request)),
                )
                .with_upgrades(),
        );
    }
}

/// Agrees to a tunnel, and serves what comes in it.
async fn connect(
    relay: Arc<Relay>,
    mut request: Request<Incoming>,
) -> anyhow::Result<Response<Empty<Bytes>>> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await?);
        let stream = relay.acceptor.accept(stream).await?;
        http1::Builder::new()
            .serve_connection(
                TokioIo::new(stream),
                service_fn(|request| forward(&relay, request)),
            )
            .await?;
        anyhow::Ok(())
    });
    Ok(Response::new(Empty::new()))
}

/// Asks the origin, on a connection that is idle where there is one.
async fn forward(
    relay: &Arc<Relay>,
    request: Request<Incoming>,
) -> anyhow::Result<Response<Incoming>> {
    let idle = relay.idle().pop();
    let mut sender = match idle {
        Some(sender) if sender.is_ready() => sender,
        _ => relay.dial().await?,
    };
    let response = sender.send_request(request).await?;
    let relay = Arc::clone(relay);
    tokio::spawn(async move {
        if sender.ready().await.is_ok() {
            relay.idle().push(sender);
        }
    });
    Ok(response)
}

impl Relay {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Incoming>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial(&self) -> anyhow::Result<SendRequest<Incoming>> {
        let stream = TcpStream::connect(self.origin).await?;
        stream.set_nodelay(true)?;
        let name = "localhost".try_into().context("the origin's name")?;
        let stream = self.connector.connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
