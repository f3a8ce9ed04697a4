//! A stand-in for Apple's `container`, for machines that are no Mac.
//!
//! [`argv`] is the command line's grammar, read from Apple's own argument definitions; [`runtime`]
//! is what the commands do, over docker or podman. It refuses whatever Apple's CLI refuses: a
//! stand-in that is kinder than the real thing is a defect.

pub mod argv;
pub mod oracle;
pub mod runtime;
pub mod version;
