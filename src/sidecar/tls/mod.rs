//! TLS on both sides. The only module that knows rustls and rcgen.

mod authority;
mod origin;
mod provider;
mod terminate;

pub use authority::{Authority, AuthorityError};
pub use origin::{Offer, OriginTls, RootsError, Secured, agreed_on_http2, speaks_something_else};
pub use terminate::{Hello, HelloError, Terminated, speaks_http2};
