//! The one cryptography provider, always passed explicitly.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// HTTP/1.1, as ALPN names it.
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// HTTP/2, as ALPN names it.
pub(super) const HTTP2: &[u8] = b"h2";

/// Returns the provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
