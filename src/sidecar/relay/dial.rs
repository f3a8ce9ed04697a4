//! Opens connections to the addresses of a permit, and to no others.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use bottle_contract::host::Host;
use bottle_contract::intent::Scheme;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::failure::{Failure, Kind, Phase};
use super::line::Line;
use crate::gate::Permit;
use crate::limits;
use crate::silence::Bounded;
use crate::tls::{Offer, OriginTls, Secured, agreed_on_http2, speaks_something_else};

/// Opens a TCP connection to an address that was checked.
pub trait Dial: fmt::Debug + Send + Sync {
    /// Connects. Called only with addresses that stand in a permit.
    fn dial(&self, address: SocketAddr) -> Dialling;
}

/// A connection under way.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// What a request wants to be spoken with its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// HTTP/1.1, and nothing else: a WebSocket begins with it.
    Http1Only,
    /// HTTP/1.1, or HTTP/2 where the origin speaks nothing else.
    Http1,
    /// HTTP/2, or HTTP/1.1 where the origin does not speak it.
    Http2,
}

/// Connects to the first address of the permit that answers.
pub(super) async fn connect(
    permit: &Permit,
    dialer: &dyn Dial,
    tls: &OriginTls,
    wanted: Wanted,
) -> Result<(SocketAddr, Line), Failure> {
    let (address, stream) = reach(permit, dialer).await?;
    let intent = permit.intent();
    if intent.scheme == Scheme::Http {
        return Ok((address, speak_http1(stream).await?));
    }
    let offer = match wanted {
        Wanted::Http1Only | Wanted::Http1 => Offer::Http1,
        Wanted::Http2 => Offer::Any,
    };
    match secure(&intent.host, stream, tls, offer).await {
        Err(error) if wanted == Wanted::Http1 && speaks_something_else(&error) => {
            let (address, stream) = reach(permit, dialer).await?;
            let secured = secure(&intent.host, stream, tls, Offer::Any).await;
            let stream = secured.map_err(|err| Failure::io(Phase::Tls, &err))?;
            Ok((address, speak(stream).await?))
        }
        Err(error) => Err(Failure::io(Phase::Tls, &error)),
        Ok(stream) => Ok((address, speak(stream).await?)),
    }
}

async fn reach(
    permit: &Permit,
    dialer: &dyn Dial,
) -> Result<(SocketAddr, Bounded<TcpStream>), Failure> {
    let (address, stream) = first_answer(permit, dialer).await?;
    // Without it each small request could wait 40 ms for an acknowledgement.
    stream
        .set_nodelay(true)
        .map_err(|err| Failure::io(Phase::Connect, &err))?;
    Ok((address, Bounded::new(stream, limits::ORIGIN_SILENCE)))
}

async fn secure(
    host: &Host,
    stream: Bounded<TcpStream>,
    tls: &OriginTls,
    offer: Offer,
) -> io::Result<Secured<Bounded<TcpStream>>> {
    let seconds = limits::ORIGIN_HANDSHAKE.as_secs();
    timeout(limits::ORIGIN_HANDSHAKE, tls.connect(host, stream, offer))
        .await
        .map_err(|_| {
            let detail = format!("no answer within {seconds} seconds");
            io::Error::new(io::ErrorKind::TimedOut, detail)
        })?
}

async fn first_answer(
    permit: &Permit,
    dialer: &dyn Dial,
) -> Result<(SocketAddr, TcpStream), Failure> {
    let mut last = None;
    for address in permit.addresses() {
        let failure = match timeout(limits::CONNECT, dialer.dial(*address)).await {
            Ok(Ok(stream)) => return Ok((*address, stream)),
            Ok(Err(error)) => Failure::io(Phase::Connect, &error),
            Err(_) => too_slow(Phase::Connect, limits::CONNECT.as_secs()),
        };
        last = Some(Failure {
            detail: format!("{address}: {}", failure.detail),
            ..failure
        });
    }
    Err(last.unwrap_or(Failure {
        phase: Phase::Connect,
        kind: Kind::Broken,
        detail: "the permit has no address".to_owned(),
    }))
}

/// Starts what was agreed on. The task ends with the connection.
async fn speak(stream: Secured<Bounded<TcpStream>>) -> Result<Line, Failure> {
    if !agreed_on_http2(&stream) {
        return speak_http1(stream).await;
    }
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::ORIGIN_STREAM_WINDOW)
        .initial_connection_window_size(limits::ORIGIN_CONNECTION_WINDOW)
        .max_header_list_size(limits::HEADER_LIST_BYTES)
        .max_send_buf_size(limits::STREAM_BUFFER_BYTES)
        .keep_alive_interval(limits::ORIGIN_PING)
        .keep_alive_timeout(limits::PONG)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|err| Failure::http(&err))?;
    tokio::spawn(connection);
    Ok(Line::Http2(sender))
}

/// Starts HTTP/1.1 on a stream. The task ends with the connection.
async fn speak_http1<S>(stream: S) -> Result<Line, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_headers(limits::HEADER_LINES)
        .max_header_size(limits::RESPONSE_HEAD_BYTES)
        .max_buf_size(limits::BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|err| Failure::http(&err))?;
    tokio::spawn(connection.with_upgrades());
    Ok(Line::Http1(sender))
}

fn too_slow(phase: Phase, seconds: u64) -> Failure {
    Failure {
        phase,
        kind: Kind::TimedOut,
        detail: format!("no answer within {seconds} seconds"),
    }
}
