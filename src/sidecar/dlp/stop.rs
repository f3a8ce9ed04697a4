//! Why a stream ends before its end.

use std::fmt;

use super::finding::Finding;

/// Why nothing more of a stream may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something was found.
    Match(Finding),
    /// What is sent cannot be looked through; the route says what then happens.
    Unscannable(Unscannable),
}

/// Why a body cannot be looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unscannable {
    /// A `content-encoding` that nobody here can undo.
    Encoding(String),
    /// More encodings on top of each other than are undone.
    Encodings(usize),
    /// What it says to be encoded as is not what it is.
    Damaged(&'static str),
    /// It grows out of proportion when it is decoded.
    Ratio(&'static str),
    /// It asks for more memory than one stream gets.
    Memory(&'static str),
}

impl fmt::Display for Unscannable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(name) => write!(out, "the content encoding `{name}` is unknown"),
            Self::Encodings(count) => write!(
                out,
                "{count} content encodings on top of each other are too many"
            ),
            Self::Damaged(coding) => write!(out, "it is not whole as `{coding}`"),
            Self::Ratio(coding) => {
                write!(out, "as `{coding}` it grows too much when it is decoded")
            }
            Self::Memory(coding) => write!(out, "as `{coding}` it needs too much memory"),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(finding) => write!(out, "found: {finding}"),
            Self::Unscannable(reason) => write!(out, "cannot be scanned: {reason}"),
        }
    }
}
