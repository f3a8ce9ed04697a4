//! Gzip: members one after the other, each deflate with a header and a trailer (RFC 1952).

use super::chain::Sink;
use super::deflate::{Frame, Inflate};
use crate::dlp::stop::{Stop, Unscannable};

/// The bytes of a trailer: check sum and size.
const TRAILER: usize = 8;

/// Decodes gzip as it passes. The check sums are not checked: who reads the body does that, and what
/// was decoded was looked through all the same.
#[derive(Debug, Default)]
pub(super) struct Gzip {
    part: Part,
}

/// What comes next in a member.
#[derive(Debug)]
enum Part {
    /// The fixed ten bytes of the header.
    Fixed(Vec<u8>),
    /// The length of the extra field, and then so many bytes.
    ExtraLength(u8, Vec<u8>),
    Extra(u8, usize),
    /// A name, a comment: up to a 0.
    Text(u8),
    /// Two bytes of check sum of the header.
    HeaderSum(usize),
    Body(Box<Inflate>),
    Trailer(usize),
}

const CHECK_SUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

impl Default for Part {
    fn default() -> Self {
        Self::Fixed(Vec::new())
    }
}

impl Gzip {
    /// Decodes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        let mut rest = piece;
        while !rest.is_empty() {
            if let Part::Body(inflate) = &mut self.part {
                rest = inflate.push(rest, sink)?;
                if inflate.has_ended() {
                    self.part = Part::Trailer(TRAILER);
                }
            } else if let [byte, after @ ..] = rest {
                let part = std::mem::take(&mut self.part);
                self.part = part
                    .next(*byte)
                    .ok_or(Stop::Unscannable(Unscannable::Damaged("gzip")))?;
                rest = after;
            }
        }
        Ok(())
    }

    /// Tells whether a member has just ended.
    pub(super) fn is_whole(&self) -> bool {
        matches!(&self.part, Part::Fixed(bytes) if bytes.is_empty())
    }
}

impl Part {
    /// Takes a byte of a header or a trailer.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match self {
            Self::Fixed(mut bytes) => {
                bytes.push(byte);
                match bytes.as_slice() {
                    [0x1f] | [0x1f, 0x8b] | [0x1f, 0x8b, 8, ..] => match bytes.as_slice() {
                        [_, _, _, flags, _, _, _, _, _, _] => Self::after_fixed(*flags),
                        [..] => Self::Fixed(bytes),
                    },
                    [..] => return None,
                }
            }
            Self::ExtraLength(flags, mut bytes) => {
                bytes.push(byte);
                match bytes.as_slice() {
                    [low, high] => match usize::from(*high) << 8 | usize::from(*low) {
                        0 => Self::texts(flags),
                        length => Self::Extra(flags, length),
                    },
                    [..] => Self::ExtraLength(flags, bytes),
                }
            }
            Self::Extra(flags, 1) => Self::texts(flags),
            Self::Extra(flags, left) => Self::Extra(flags, left - 1),
            Self::Text(flags) if byte == 0 && flags & NAME != 0 => Self::texts(flags & !NAME),
            Self::Text(flags) if byte == 0 => Self::texts(flags & !COMMENT),
            Self::Text(flags) => Self::Text(flags),
            Self::HeaderSum(1) => Self::body(),
            Self::HeaderSum(left) => Self::HeaderSum(left - 1),
            Self::Trailer(1) => Self::default(),
            Self::Trailer(left) => Self::Trailer(left - 1),
            Self::Body(inflate) => Self::Body(inflate),
        })
    }

    fn after_fixed(flags: u8) -> Self {
        if flags & EXTRA == 0 {
            Self::texts(flags)
        } else {
            Self::ExtraLength(flags, Vec::new())
        }
    }

    fn texts(flags: u8) -> Self {
        if flags & (NAME | COMMENT) != 0 {
            Self::Text(flags)
        } else if flags & CHECK_SUM != 0 {
            Self::HeaderSum(2)
        } else {
            Self::body()
        }
    }

    fn body() -> Self {
        Self::Body(Box::new(Inflate::new(Frame::None, "gzip")))
    }
}
