//! The audit log and the counters: what was decided, and how it ended.

mod counters;
mod exchange;
mod headers;
mod journal;
mod log;
mod mask;

pub use counters::{Connection, Counters};
pub use exchange::Exchange;
pub use log::AuditLog;
pub use mask::{MASK, masked};
