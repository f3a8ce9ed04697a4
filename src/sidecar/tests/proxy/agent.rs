//! An agent that talks to the sidecar, well-behaved or not.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::origin::Body;
use crate::world::within;

/// A client whose only way is the proxy, and which trusts the bottle's CA only.
#[derive(Clone)]
pub(crate) struct Agent {
    proxy: SocketAddr,
    config: ClientConfig,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Agent {
    pub(crate) fn new(proxy: SocketAddr, ca: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { proxy, config }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.ask("GET", url, &[], "").await
    }

    /// Asks as a well-behaved client does: https through a tunnel, http with a whole URL.
    pub(crate) async fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let (scheme, rest) = url.split_once("://").unwrap();
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(slash);
        let uri = match scheme {
            "https" => format!("/{}", target.strip_prefix('/').unwrap_or(target)),
            _ => url.to_owned(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let mut sender = if scheme == "https" {
            match self.tunnel(authority).await {
                Ok(stream) => self.speak(self.tls(stream, authority).await).await,
                Err(answer) => return answer,
            }
        } else {
            self.speak(self.dial().await).await
        };
        read(&mut sender, request).await
    }

    /// Opens a connection over which several requests can go.
    pub(crate) async fn keep_alive(&self, authority: &str) -> SendRequest<Full<Bytes>> {
        let stream = self.tunnel(authority).await.unwrap();
        self.speak(self.tls(stream, authority).await).await
    }

    /// Opens a tunnel in which HTTP/2 is spoken.
    pub(crate) async fn h2(&self, authority: &str) -> http2::SendRequest<Body> {
        let stream = self.tunnel(authority).await.unwrap();
        let tls = self.with_alpn(b"h2").tls(stream, authority).await;
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let speaking = http2::handshake(TokioExecutor::new(), TokioIo::new(tls));
        let (sender, connection) = within(speaking).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn dial(&self) -> TcpStream {
        let stream = within(TcpStream::connect(self.proxy)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Asks for a tunnel, or returns why there is none.
    pub(crate) async fn tunnel(&self, authority: &str) -> Result<TcpStream, Answer> {
        let authority = if authority.contains("]:") || !authority.contains(':') {
            format!("{authority}:443").replace(":443:", ":")
        } else {
            authority.to_owned()
        };
        let mut stream = self.dial().await;
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        if head.starts_with("HTTP/1.1 200") {
            Ok(stream)
        } else {
            Err(parse(&mut stream, &head).await)
        }
    }

    /// Makes the TLS handshake for the host of this authority.
    pub(crate) async fn tls(&self, stream: TcpStream, authority: &str) -> TlsStream<TcpStream> {
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        self.handshake(stream, host).await.unwrap()
    }

    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        within(connector.connect(name, stream)).await
    }

    /// The same agent, but it sends no server name.
    pub(crate) fn without_sni(&self) -> Self {
        let mut agent = self.clone();
        agent.config.enable_sni = false;
        agent
    }

    /// The same agent, speaking only this protocol inside TLS.
    pub(crate) fn with_alpn(&self, protocol: &[u8]) -> Self {
        let mut agent = self.clone();
        agent.config.alpn_protocols = vec![protocol.to_vec()];
        agent
    }

    /// Sends bytes to the proxy as they are, and returns all that comes back until it closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        exchange(self.dial().await, bytes).await
    }

    /// The same inside a tunnel.
    pub(crate) async fn raw_inside(&self, authority: &str, bytes: impl AsRef<[u8]>) -> String {
        let stream = self.tunnel(authority).await.unwrap();
        exchange(self.tls(stream, authority).await, bytes).await
    }

    async fn speak<S>(&self, stream: S) -> SendRequest<Full<Bytes>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = within(http1::handshake(TokioIo::new(stream)))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// Sends one request and reads the whole answer.
pub(crate) async fn read(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Answer {
    within(sender.ready()).await.unwrap();
    let response = within(sender.send_request(request)).await.unwrap();
    let (head, body) = response.into_parts();
    let collected = within(body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(collected.to_bytes().to_vec()).unwrap(),
        trailers,
    }
}

/// Sends one request in HTTP/2 and reads the whole answer.
pub(crate) async fn read_h2(
    sender: &mut http2::SendRequest<Body>,
    request: Request<Body>,
) -> Answer {
    within(sender.ready()).await.unwrap();
    let response = within(sender.send_request(request)).await.unwrap();
    let (head, body) = response.into_parts();
    let collected = within(body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(collected.to_bytes().to_vec()).unwrap(),
        trailers,
    }
}

/// Writes, then reads until the other side closes.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    bytes: impl AsRef<[u8]>,
) -> String {
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    // A peer that closes without a TLS goodbye has still said all it wanted.
    drop(within(stream.read_to_end(&mut answer)).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads up to the empty line.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    within(async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    })
    .await;
    String::from_utf8(head).unwrap()
}

async fn parse(stream: &mut TcpStream, head: &str) -> Answer {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        let name: http::HeaderName = name.parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    within(stream.read_exact(&mut body)).await.unwrap();
    Answer {
        status: status.parse().unwrap(),
        headers,
        body: String::from_utf8(body).unwrap(),
        trailers: None,
    }
}
