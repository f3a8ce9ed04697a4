//! The origin: TLS, HTTP/1.1, bodies of any size, and events with the time at which they were sent.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio_rustls::TlsAcceptor;

use crate::place::Places;

/// The events of one stream, and the time between two of them.
pub(crate) const EVENTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);
/// A piece of a large body.
const PIECE: usize = 64 * 1024;

type Body = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

/// The origin's process.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its certificate, which is its own authority.
    pub(crate) ca: String,
    /// The same as a file.
    pub(crate) ca_file: PathBuf,
    _child: Child,
}

impl Origin {
    /// Starts this program again as the origin, and waits until it listens.
    pub(crate) async fn start(folder: &Path, places: &Places) -> anyhow::Result<Self> {
        let mut child = places
            .origin(&std::env::current_exe()?)
            .arg("origin")
            .stdout(Stdio::piped())
            .spawn()?;
        let (address, ca) = said(&mut child).await?;
        let ca_file = folder.join("origin.pem");
        fs::write(&ca_file, &ca)?;
        Ok(Self {
            address,
            ca,
            ca_file,
            _child: child,
        })
    }
}

/// Reads what a part of this program prints as it starts: where it listens, and its authority.
pub(crate) async fn said(child: &mut Child) -> anyhow::Result<(SocketAddr, String)> {
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let address = lines.next_line().await?.context("it says nothing")?;
    let mut ca = String::new();
    while let Some(line) = lines.next_line().await? {
        ca = ca + &line + "\n";
        if line.starts_with("-----END") {
            break;
        }
    }
    Ok((address.parse()?, ca))
}

/// Serves until the process is ended. Prints its address and its certificate first.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let (acceptor, ca) = certificate()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // Nothing may come after the certificate: the reader has gone by then.
    print!("{}\n{}\n", listener.local_addr()?, ca.trim_end());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream, acceptor.clone()));
    }
}

/// Makes a certificate for `localhost`, and the authority that it is from.
pub(crate) fn certificate() -> anyhow::Result<(TlsAcceptor, String)> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::default();
    let name = "the origin's authority";
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::Issuer::new(params.clone(), &key);
    let own = rcgen::KeyPair::generate()?;
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    let leaf = leaf.signed_by(&own, &authority)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der())),
        )?;
    let ca = params.self_signed(&key)?.pem();
    Ok((TlsAcceptor::from(Arc::new(config)), ca))
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await?;
    Ok(())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let size = path
        .strip_prefix("/bytes/")
        .and_then(|size| size.parse().ok());
    Ok(match (size, path.as_str()) {
        (Some(size), _) if size <= PIECE => {
            static DATA: [u8; PIECE] = [b'x'; PIECE];
            Response::new(Either::Left(Full::new(Bytes::from_static(&DATA[..size]))))
        }
        (Some(size), _) => large(size),
        (None, "/events") => events(),
        (None, _) => {
            let mut body = request.into_body();
            let mut size = 0;
            while let Some(frame) = body.frame().await.transpose()? {
                size += frame.data_ref().map_or(0, Bytes::len);
            }
            Response::new(Either::Left(Full::from(size.to_string())))
        }
    })
}

fn large(size: usize) -> Response<Body> {
    let (mut sender, body) = Channel::new(4);
    tokio::spawn(async move {
        static DATA: [u8; PIECE] = [b'x'; PIECE];
        for _ in 0..size / PIECE {
            if sender.send_data(Bytes::from_static(&DATA)).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Either::Right(body));
    let whole = size / PIECE * PIECE;
    response
        .headers_mut()
        .insert("content-length", whole.into());
    response
}

fn events() -> Response<Body> {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for _ in 0..EVENTS {
            tokio::time::sleep(PAUSE).await;
            let event = format!("data: {}\n\n", now());
            if sender.send_data(event.into()).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Either::Right(body));
    let kind = hyper::header::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", kind);
    response
}

/// The time in nanoseconds: the same clock for every process of the machine.
pub(crate) fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}
