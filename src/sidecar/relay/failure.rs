//! Why a permitted request got no answer.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::gate::Refusal;

/// A failure on the way to the origin.
#[derive(Clone, Debug, Error)]
#[error("{phase}: {detail}")]
pub struct Failure {
    /// How far it got.
    pub phase: Phase,
    /// Whether it was only too slow.
    pub kind: Kind,
    /// What went wrong.
    pub detail: String,
}

/// Why a permitted request got no answer.
#[derive(Clone, Debug)]
pub enum Unanswered {
    /// It failed.
    Failed(Failure),
    /// Something was found in it that must not leave.
    Stopped(Refusal),
}

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request and the head of the response.
    Response,
}

/// Whether the origin failed or was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It failed.
    Broken,
    /// It was too slow.
    TimedOut,
}

impl Failure {
    pub(super) fn io(phase: Phase, error: &io::Error) -> Self {
        Self {
            phase,
            kind: kind_of(error),
            detail: error.to_string(),
        }
    }

    /// An answer that cannot be passed on.
    pub(super) fn answer(detail: &str) -> Self {
        Self {
            phase: Phase::Response,
            kind: Kind::Broken,
            detail: detail.to_owned(),
        }
    }

    /// An origin that says nothing for too long.
    pub(super) fn silent(limit: Duration) -> Self {
        Self {
            phase: Phase::Response,
            kind: Kind::TimedOut,
            detail: format!("no answer within {} seconds", limit.as_secs()),
        }
    }

    pub(super) fn http(error: &hyper::Error) -> Self {
        let mut kind = Kind::Broken;
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                kind = kind_of(error);
            }
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        Self {
            phase: Phase::Response,
            kind,
            detail,
        }
    }
}

fn kind_of(error: &io::Error) -> Kind {
    if error.kind() == io::ErrorKind::TimedOut {
        Kind::TimedOut
    } else {
        Kind::Broken
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Response => "response",
        })
    }
}
