//! TLS on both sides. The only module that knows rustls and rcgen.

mod authority;
mod origin;
mod provider;
mod terminate;

pub use authority::{Authority, AuthorityError};
pub use origin::{OriginTls, RootsError};
pub use terminate::{Hello, HelloError, Terminated};
