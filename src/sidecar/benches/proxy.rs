//! What one certificate and one proxied request cost.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has no result"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bottle_contract::audit::AuditEvent;
use bottle_contract::config::{LogLevel, SidecarConfig};
use bottle_contract::dlp::{Dlp, RouteDlp};
use bottle_contract::policy::{GitAccess, Policy, Route};
use bottle_sidecar::app::{Outside, Sidecar};
use bottle_sidecar::audit::AuditLog;
use bottle_sidecar::tls::Authority;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The name of the origin.
const HOST: &str = "origin.test";
/// The size of each answer.
const BODY: usize = 1024;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection over which requests go, and where to.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

fn minting(criterion: &mut Criterion) {
    let id = "bench-abc234".parse().expect("an id");
    let authority = Authority::new(&id).expect("a CA");
    let host = "api.example.com".parse().expect("a host");
    criterion.bench_function("leaf_minting", |bencher| {
        bencher.iter(|| black_box(authority.mint(&host, SystemTime::now())));
    });
}

/// One decision, from the value to the bytes in the file: what every request waits for.
fn audit_line(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder for the log");
    let line = r#"{"event":"decision","id":7,"verdict":"allow","route":3,"client":"http/1.1","scheme":"https","method":"POST","host":"api.example.com","port":443,"path":"/v1/messages?beta=***","address":"203.0.113.7"}"#;
    let event: AuditEvent = serde_json::from_str(line).expect("an event");
    let log = || {
        let path = dir.path().join("audit.jsonl");
        std::fs::remove_dir_all(dir.path()).expect("an empty folder");
        std::fs::create_dir(dir.path()).expect("an empty folder");
        AuditLog::open(&path, LogLevel::Decisions).expect("a log")
    };
    criterion.bench_function("audit_line", |bencher| {
        bencher.iter_custom(|mut lines| {
            let mut taken = Duration::ZERO;
            while lines > 0 {
                // A new log now and then, since one is full at some time.
                let log = log();
                let some = lines.min(100_000);
                let begun = Instant::now();
                for _ in 0..some {
                    log.write(&event).expect("a line");
                }
                taken += begun.elapsed();
                lines -= some;
            }
            taken
        });
    });
}

/// The same request straight to the origin and through the sidecar, both over TLS.
fn request(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder for the log");
    let log = dir.path().join("audit.jsonl").display().to_string();
    let lines = runtime.block_on(set_up(log)).expect("two connections");
    let (mut direct, mut proxied, _sidecar) = lines;
    for (name, line) in [
        ("direct_request", &mut direct),
        ("proxied_request", &mut proxied),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let size = runtime.block_on(line.ask()).expect("an answer");
                assert_eq!(size, BODY);
            });
        });
    }
}

impl Line {
    async fn ask(&mut self) -> Result<usize, Failure> {
        self.sender.ready().await?;
        let request = Request::get("/v1/item").header("host", &self.authority);
        let request = request.body(Full::default())?;
        let response = self.sender.send_request(request).await?;
        Ok(response.into_body().collect().await?.to_bytes().len())
    }
}

async fn set_up(log: String) -> Result<(Line, Line, Sidecar), Failure> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec![HOST.to_owned()])?.self_signed(&key)?;
    let origin = origin(certificate.der().clone(), &key).await?;
    let route = Route {
        host: HOST.parse()?,
        ports: vec![origin.port()],
        methods: Some(vec!["GET".parse()?]),
        paths: Some(vec!["/v1/**".parse()?]),
        address: Some(origin.ip()),
        auth: None,
        git: GitAccess::None,
        dlp: RouteDlp::default(),
    };
    let config = SidecarConfig {
        id: "bench-abc234".parse()?,
        listen: vec!["127.0.0.1:0".parse()?],
        policy: Policy {
            routes: vec![route],
        },
        secrets: BTreeMap::new(),
        extra_ca: vec![certificate.pem()],
        log: LogLevel::Decisions,
        dlp: Dlp::default(),
        audit_path: log,
    };
    let sidecar = Sidecar::start(config, Outside::system()).await?;
    let proxy = *sidecar.listen().first().ok_or("it listens nowhere")?;
    let authority = format!("{HOST}:{}", origin.port());

    let stream = TcpStream::connect(origin).await?;
    let direct = line(stream, &certificate.pem(), &authority).await?;
    let mut stream = TcpStream::connect(proxy).await?;
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    let proxied = line(stream, sidecar.ca(), &authority).await?;
    Ok((direct, proxied, sidecar))
}

async fn line(stream: TcpStream, ca: &str, authority: &str) -> Result<Line, Failure> {
    stream.set_nodelay(true)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector
        .connect(ServerName::try_from(HOST)?, stream)
        .await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(Line {
        sender,
        authority: authority.to_owned(),
    })
}

async fn origin(
    certificate: CertificateDer<'static>,
    key: &rcgen::KeyPair,
) -> Result<SocketAddr, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, acceptor.clone()));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let body = Bytes::from_static(&[b'x'; BODY]);
    let service = service_fn(move |_| {
        let body = Full::new(body.clone());
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

criterion_group!(benches, minting, audit_line, request);
criterion_main!(benches);
