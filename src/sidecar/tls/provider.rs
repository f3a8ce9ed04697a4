//! The one cryptography provider, always passed explicitly.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The protocol that both sides speak inside TLS.
pub(super) const ALPN: &[u8] = b"http/1.1";

/// Returns the provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
