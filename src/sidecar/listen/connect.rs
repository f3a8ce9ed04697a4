//! A CONNECT that was admitted: TLS ends here, and only requests are heard inside.

use std::io;
use std::sync::Arc;

use bottle_contract::host::{Host, InvalidHost};
use bottle_contract::verdict::Reason;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::session::{Door, Place, Session, Way};
use super::{http1, http2};
use crate::gate::{Rejected, Tunnel};
use crate::limits;
use crate::tls::{Hello, HelloError, speaks_http2};

/// Serves what comes through a tunnel. Never passes a byte on as it is.
pub(super) async fn serve(upgrade: OnUpgrade, door: Arc<Door>, tunnel: Tunnel, place: Place) {
    // Without an upgrade the agent went away before it had the answer.
    let Ok(Ok(stream)) = timeout(limits::AGENT_HANDSHAKE, upgrade).await else {
        return;
    };
    let hello = match Hello::read(TokioIo::new(stream)).await {
        Ok(hello) => hello,
        Err(error) => return note(&door, &tunnel, &error),
    };
    let (host, way) = match mismatch(&tunnel, hello.server_name()) {
        None => (tunnel.host().clone(), Way::Tunnel(tunnel.clone())),
        Some(mismatch) => {
            let refusal = door.gate.reject(&mismatch.rejected);
            (mismatch.named, Way::Mismatch(refusal))
        }
    };
    match hello.accept(&door.authority, &host).await {
        Ok(stream) if speaks_http2(&stream) => {
            http2::serve(stream, Session::new(door, way, place)).await;
        }
        Ok(stream) => http1::serve(stream, Session::new(door, way, place)).await,
        Err(error) => note(&door, &tunnel, &error),
    }
}

/// A tunnel whose TLS handshake does not name the host that CONNECT named.
struct Mismatch {
    /// The host for whose certificate the handshake is finished, so that the agent can read why it
    /// was refused. Every request then gets the same answer.
    named: Host,
    rejected: Rejected,
}

fn mismatch(tunnel: &Tunnel, sent: Option<Result<Host, InvalidHost>>) -> Option<Mismatch> {
    let host = tunnel.host();
    let (named, shown) = match (host, sent) {
        (_, Some(Ok(sent))) if sent == *host => return None,
        // An address is never sent as a server name (RFC 6066, section 3).
        (Host::Address(_), None) => return None,
        (_, Some(Ok(sent))) => (sent.clone(), format!("names `{sent}`")),
        (Host::Name(_) | Host::Address(_), Some(Err(_))) => {
            (host.clone(), "names no valid host".to_owned())
        }
        (Host::Name(_), None) => (host.clone(), "names no host".to_owned()),
    };
    let rejected = Rejected {
        reason: Reason::NameMismatch,
        ..about(
            tunnel,
            format!("the TLS handshake {shown}, CONNECT named `{host}`"),
        )
    };
    Some(Mismatch { named, rejected })
}

/// Writes down why a tunnel ended before its first request.
fn note(door: &Door, tunnel: &Tunnel, error: &HelloError) {
    if let HelloError::NotTls(error) = error
        && error.kind() == io::ErrorKind::UnexpectedEof
    {
        // Opened and closed again without a byte, as port checkers do.
        return;
    }
    // Nobody is there to be answered in HTTP; only the line in the log is wanted.
    drop(door.gate.reject(&about(tunnel, error.to_string())));
}

fn about(tunnel: &Tunnel, detail: String) -> Rejected {
    Rejected {
        method: Some("CONNECT".to_owned()),
        host: Some(tunnel.host().clone()),
        port: Some(tunnel.port()),
        ..Rejected::malformed(detail)
    }
}
