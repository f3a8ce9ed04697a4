//! One connection to the origin, straight or through a proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

type Body = Either<Full<Bytes>, Channel<Bytes, std::convert::Infallible>>;

/// How connections are made.
#[derive(Clone)]
pub(crate) struct Way {
    origin: SocketAddr,
    proxy: Option<SocketAddr>,
    connector: TlsConnector,
}

/// A connection over which requests go.
pub(crate) struct Line {
    sender: SendRequest<Body>,
    authority: String,
}

impl Way {
    /// Goes to the origin through the proxy, if there is one; `ca` is whom to trust.
    pub(crate) fn new(
        origin: SocketAddr,
        proxy: Option<SocketAddr>,
        ca: &str,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            origin,
            proxy,
            connector: connector(ca)?,
        })
    }

    /// Opens a connection, as far as TLS.
    pub(crate) async fn open(&self) -> anyhow::Result<Line> {
        let authority = format!("localhost:{}", self.origin.port());
        let mut stream = TcpStream::connect(self.proxy.unwrap_or(self.origin)).await?;
        stream.set_nodelay(true)?;
        if self.proxy.is_some() {
            tunnel(&mut stream, &authority).await?;
        }
        let name = ServerName::try_from("localhost")?;
        let stream = self.connector.connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Line { sender, authority })
    }
}

/// Makes TLS that trusts this authority.
pub(crate) fn connector(ca: &str) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(root?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // New tunnels are compared by their whole handshake.
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Line {
    /// Asks for something, and returns the answer as soon as its head is there.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Response<Incoming>> {
        let body = Either::Left(Full::default());
        self.send(
            Request::get(path)
                .header("host", &self.authority)
                .body(body)?,
        )
        .await
    }

    /// Asks for something and reads all of it.
    pub(crate) async fn fetch(&mut self, path: &str) -> anyhow::Result<usize> {
        let mut body = self.get(path).await?.into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await.transpose()? {
            size += frame.data_ref().map_or(0, Bytes::len);
        }
        Ok(size)
    }

    /// Sends a body of this many pieces, and returns how many bytes have arrived.
    pub(crate) async fn upload(&mut self, piece: &Bytes, pieces: usize) -> anyhow::Result<usize> {
        let (mut sender, body) = Channel::new(4);
        let data = piece.clone();
        tokio::spawn(async move {
            for _ in 0..pieces {
                if sender.send_data(data.clone()).await.is_err() {
                    return;
                }
            }
        });
        let request = Request::post("/upload")
            .header("host", &self.authority)
            .header("content-length", piece.len() * pieces)
            .body(Either::Right(body))?;
        let answer = self.send(request).await?.into_body().collect().await?;
        Ok(std::str::from_utf8(&answer.to_bytes())?.parse()?)
    }

    async fn send(&mut self, request: Request<Body>) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        bail!("{status}: {}", String::from_utf8_lossy(&body))
    }
}

async fn tunnel(stream: &mut TcpStream, authority: &str) -> anyhow::Result<()> {
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 4096];
    let mut filled = 0;
    // Nothing comes after the head before the handshake has begun.
    while !answer[..filled].ends_with(b"\r\n\r\n") {
        match stream.read(&mut answer[filled..]).await? {
            0 => bail!(
                "the proxy hung up: {}",
                String::from_utf8_lossy(&answer[..filled])
            ),
            read => filled += read,
        }
    }
    let status = answer.get(9..12).context("the proxy's answer is no head")?;
    if status != b"200" {
        bail!(
            "the proxy refused: {}",
            String::from_utf8_lossy(&answer[..filled])
        );
    }
    Ok(())
}
