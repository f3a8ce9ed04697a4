//! Bytes from the agent become intents here: CONNECT with TLS inside, and the plain forward proxy.

mod accept;
mod answer;
mod connect;
mod flood;
mod framing;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod heads;
mod http1;
mod http2;
mod intent;
mod rates;
mod session;

pub use accept::serve;
pub use rates::Rates;
pub use session::Door;
