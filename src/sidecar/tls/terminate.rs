//! TLS towards the agent: its first message is read before a certificate is chosen.

use std::io;
use std::sync::Arc;

use bottle_contract::host::{Host, InvalidHost};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

use super::provider::HTTP2;
use super::{Authority, AuthorityError};
use crate::limits;

/// A stream whose TLS ends here.
pub type Terminated<S> = TlsStream<S>;

/// An agent's `ClientHello`, with the handshake still to be made.
pub struct Hello<S> {
    start: StartHandshake<S>,
}

/// Why no handshake came about.
#[derive(Debug, Error)]
pub enum HelloError {
    /// The first bytes are not a `ClientHello`.
    #[error("the tunnel must start with a TLS ClientHello: {0}")]
    NotTls(io::Error),
    /// It took too long.
    #[error("no TLS handshake within {} seconds", limits::AGENT_HANDSHAKE.as_secs())]
    Timeout,
    /// The agent broke it off; most often because it does not trust the bottle's CA.
    #[error("the agent broke off the TLS handshake: {0}")]
    Handshake(io::Error),
    /// No certificate could be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Hello<S> {
    /// Reads the first message. Whatever is not one ends here; nothing of it is passed on.
    pub async fn read(stream: S) -> Result<Self, HelloError> {
        let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let start = timeout(limits::AGENT_HANDSHAKE, acceptor)
            .await
            .map_err(|_| HelloError::Timeout)?
            .map_err(HelloError::NotTls)?;
        Ok(Self { start })
    }

    /// Returns the host that the agent wants a certificate for; an address is never sent as a name.
    pub fn server_name(&self) -> Option<Result<Host, InvalidHost>> {
        self.start.client_hello().server_name().map(str::parse)
    }

    /// Finishes the handshake with a certificate for this host.
    pub async fn accept(
        self,
        authority: &Authority,
        host: &Host,
    ) -> Result<Terminated<S>, HelloError> {
        let config = authority.config_for(host)?;
        let handshake = self.start.into_stream(Arc::clone(&config));
        timeout(limits::AGENT_HANDSHAKE, handshake)
            .await
            .map_err(|_| HelloError::Timeout)?
            .map_err(HelloError::Handshake)
    }
}

/// Tells whether the agent agreed to HTTP/2. Without an agreement it is HTTP/1.1.
pub fn speaks_http2<S>(stream: &Terminated<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

impl<S> std::fmt::Debug for Hello<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Hello").finish_non_exhaustive()
    }
}
