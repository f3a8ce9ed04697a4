//! System calls that only an attack makes, for which no library has a safe function.
//!
//! It is a crate of its own so that the sidecar's can go on forbidding what is not safe. Every call
//! is one of a closed list, and its arguments are numbers: null pointers, descriptors that are none,
//! sizes of zero. Where the kernel does let one through, it finds nothing to do.

mod call;

pub use call::Call;
