//! TLS towards the origins: who is trusted, and the handshake.

use std::fmt;
use std::io;
use std::sync::Arc;

use bottle_contract::host::Host;
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, DnsName, ServerName};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::provider::{HTTP1, HTTP2, provider};

/// The client side of TLS, with the roots that this bottle trusts.
#[derive(Clone)]
pub struct OriginTls {
    http1: TlsConnector,
    any: TlsConnector,
}

/// A stream over which an origin has shown who it is.
pub type Secured<S> = TlsStream<S>;

/// Which protocols are offered to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2, and HTTP/1.1 where the origin does not speak it.
    Any,
}

/// Why the roots cannot be used.
#[derive(Debug, Error)]
pub enum RootsError {
    /// Not PEM, or no certificate in it.
    #[error("extra CA {index} holds no certificate in PEM")]
    NoCertificate {
        /// Its place in the list, from 1.
        index: usize,
    },
    /// A certificate that cannot be a root.
    #[error("extra CA {index} cannot be used: {source}")]
    Unusable {
        /// Its place in the list, from 1.
        index: usize,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The provider and the protocol versions do not fit together.
    #[error("cannot set up TLS: {0}")]
    Provider(#[from] rustls::Error),
}

impl OriginTls {
    /// Trusts the public roots and these certificates (PEM).
    pub fn new(extra_ca: &[String]) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for (place, pem) in extra_ca.iter().enumerate() {
            add(&mut roots, place + 1, pem)?;
        }
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP1.to_vec()];
        let http1 = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        let any = TlsConnector::from(Arc::new(config));
        Ok(Self { http1, any })
    }

    /// Makes the handshake; the certificate must be for this host.
    pub async fn connect<S>(&self, host: &Host, stream: S, offer: Offer) -> io::Result<Secured<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            Host::Name(name) => ServerName::DnsName(
                DnsName::try_from(name.clone())
                    .map_err(|err| io::Error::new(io::ErrorKind::InvalidInput, err))?,
            ),
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let connector = match offer {
            Offer::Http1 => &self.http1,
            Offer::Any => &self.any,
        };
        connector.connect(name, stream).await
    }
}

/// Tells whether an origin agreed to HTTP/2. Without an agreement it is HTTP/1.1.
pub fn agreed_on_http2<S>(stream: &Secured<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// Tells whether a handshake failed because the origin speaks none of what was offered.
pub fn speaks_something_else(error: &io::Error) -> bool {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    cause
        == Some(&rustls::Error::AlertReceived(
            AlertDescription::NoApplicationProtocol,
        ))
}

impl fmt::Debug for OriginTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OriginTls").finish_non_exhaustive()
    }
}

fn add(roots: &mut RootCertStore, index: usize, pem: &str) -> Result<(), RootsError> {
    let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| RootsError::NoCertificate { index })?;
    if certificates.is_empty() {
        return Err(RootsError::NoCertificate { index });
    }
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|source| RootsError::Unusable { index, source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_ca_must_hold_a_certificate() {
        assert!(OriginTls::new(&[]).is_ok());
        let key = rcgen::KeyPair::generate().unwrap();
        let good = rcgen::CertificateParams::new(vec!["a.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        assert!(OriginTls::new(std::slice::from_ref(&good)).is_ok());
        for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let error = OriginTls::new(&[good.clone(), bad.to_owned()]).unwrap_err();
            assert!(
                matches!(error, RootsError::NoCertificate { index: 2 }),
                "{bad}: {error}"
            );
        }
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
        assert!(matches!(
            OriginTls::new(&[junk]).unwrap_err(),
            RootsError::Unusable { index: 1, .. }
        ));
    }
}
