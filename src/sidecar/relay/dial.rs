//! Opens connections to the addresses of a permit, and to no others.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use bottle_contract::intent::Scheme;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::Outbound;
use super::failure::{Failure, Kind, Phase};
use crate::gate::Permit;
use crate::limits;
use crate::silence::Bounded;
use crate::tls::OriginTls;

/// Opens a TCP connection to an address that was checked.
pub trait Dial: fmt::Debug + Send + Sync {
    /// Connects. Called only with addresses that stand in a permit.
    fn dial(&self, address: SocketAddr) -> Dialling;
}

/// A connection under way.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Connects to the first address of the permit that answers.
pub(super) async fn connect(
    permit: &Permit,
    dialer: &dyn Dial,
    tls: &OriginTls,
) -> Result<(SocketAddr, SendRequest<Outbound>), Failure> {
    let (address, stream) = first_answer(permit, dialer).await?;
    stream
        .set_nodelay(true)
        .map_err(|err| Failure::io(Phase::Connect, &err))?;
    let stream = Bounded::new(stream, limits::ORIGIN_SILENCE);
    let intent = permit.intent();
    let sender = match intent.scheme {
        Scheme::Http => speak(stream).await?,
        Scheme::Https => {
            let handshake = tls.connect(&intent.host, stream);
            let stream = timeout(limits::ORIGIN_HANDSHAKE, handshake)
                .await
                .map_err(|_| too_slow(Phase::Tls, limits::ORIGIN_HANDSHAKE.as_secs()))?
                .map_err(|err| Failure::io(Phase::Tls, &err))?;
            speak(stream).await?
        }
    };
    Ok((address, sender))
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

/// Starts HTTP/1.1 on a stream. The task ends with the connection.
async fn speak<S>(stream: S) -> Result<SendRequest<Outbound>, Failure>
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
    tokio::spawn(connection);
    Ok(sender)
}

fn too_slow(phase: Phase, seconds: u64) -> Failure {
    Failure {
        phase,
        kind: Kind::TimedOut,
        detail: format!("no answer within {seconds} seconds"),
    }
}
