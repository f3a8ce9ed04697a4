//! Origin servers of ours, which keep what arrives.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) type Body = BoxBody<Bytes, Infallible>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
pub(crate) type Handler = Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// A request as the origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An origin on loopback; answers `hello from the origin` unless told otherwise.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    handler: Arc<Mutex<Option<Handler>>>,
}

/// A CA of the test's own.
pub(crate) struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl TestCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// The server's side of TLS for these names and protocols.
    pub(crate) fn acceptor(&self, names: &[&str], protocols: &[&[u8]]) -> TlsAcceptor {
        let (certificate, key) = self.server(names);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn server(&self, names: &[&str]) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        (certificate.der().clone(), key.into())
    }
}

impl Origin {
    pub(crate) async fn plain() -> Self {
        let (origin, listener) = Self::bind().await;
        let serve = origin.server();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve.accepted();
                tokio::spawn(serve.clone().connection(stream));
            }
        });
        origin
    }

    pub(crate) async fn tls(ca: &TestCa, names: &[&str]) -> Self {
        Self::speaking(ca, names, &[]).await
    }

    /// Speaks these protocols over TLS: `h2`, or HTTP/1.1 for anything else.
    pub(crate) async fn speaking(ca: &TestCa, names: &[&str], protocols: &[&[u8]]) -> Self {
        let (origin, listener) = Self::bind().await;
        let serve = origin.server();
        let counted = serve.clone();
        let acceptor = ca.acceptor(names, protocols);
        serve_tls(
            listener,
            acceptor,
            move || counted.accepted(),
            move |stream| {
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let serve = serve.clone();
                async move {
                    if h2 {
                        serve.connection_in_h2(stream).await;
                    } else {
                        serve.connection(stream).await;
                    }
                }
            },
        );
        origin
    }

    /// Answers with this from now on. The requests are then not kept.
    pub(crate) fn answer<F, R>(&self, handler: F)
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        *self.handler.lock().unwrap() = Some(Arc::new(move |request| Box::pin(handler(request))));
    }

    /// What arrived since the last time.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// The only request that arrived.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn bind() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
            handler: Arc::default(),
        };
        (origin, listener)
    }

    fn server(&self) -> Server {
        Server {
            seen: Arc::clone(&self.seen),
            connections: Arc::clone(&self.connections),
            handler: Arc::clone(&self.handler),
        }
    }
}

/// Serves each TLS connection of a listener; `accepted` is called before the handshake.
pub(crate) fn serve_tls<A, F, R>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    accepted: A,
    serve: F,
) where
    A: Fn() + Send + 'static,
    F: Fn(TlsStream<TcpStream>) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted();
            let (serve, acceptor) = (Arc::clone(&serve), acceptor.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
}

#[derive(Clone)]
struct Server {
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    handler: Arc<Mutex<Option<Handler>>>,
}

impl Server {
    fn accepted(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    async fn connection<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let served = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
        // A proxy that goes away is part of some tests.
        drop(served);
    }

    async fn connection_in_h2<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let served = http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(1000)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        drop(served);
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let handler = self.handler.lock().unwrap().clone();
        if let Some(handler) = handler {
            return handler(request).await;
        }
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        self.seen.lock().unwrap().push(Seen {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: head.headers,
            body: body.unwrap_or_default(),
        });
        Response::new(text("hello from the origin"))
    }
}

pub(crate) fn text(text: &str) -> Body {
    Full::new(Bytes::from(text.to_owned())).boxed()
}
