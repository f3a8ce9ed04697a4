//! A body that is gzip or zstd though its head does not say so, as an archive is.

use std::sync::Arc;

use super::decode::Chain;
use super::detectors::Inner;
use super::exact::Origin;
use super::stop::Stop;
use super::text::{Mail, Text};

/// How packed bodies begin, and what undoes them.
const MAGIC: [(&[u8], &str); 2] = [
    (&[0x1f, 0x8b, 8], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
];

/// Looks into a packed body. What cannot be unpacked passes: nobody said that it is packed.
#[derive(Debug)]
pub(super) enum Packed {
    /// The beginning, while it may be that of a packed body.
    Unknown(Vec<u8>),
    /// It is packed.
    Open(Box<(Chain, Text)>),
    /// It is not, or not as it seemed.
    No,
}

impl Default for Packed {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Packed {
    /// Takes the next piece, and returns what is found in it.
    pub(super) fn push(&mut self, inner: &Arc<Inner>, piece: &[u8]) -> Option<Origin> {
        match self {
            Self::No => None,
            Self::Open(_) => self.unpack(inner, piece),
            Self::Unknown(start) => {
                start.extend_from_slice(piece);
                let start = std::mem::take(start);
                if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
                    *self = match Chain::new(Some(name), &inner.memory) {
                        Ok(chain) => Self::Open(Box::new((chain, Text::new(inner, Mail::No)))),
                        Err(_) => Self::No,
                    };
                    return self.unpack(inner, &start);
                }
                let open = MAGIC.iter().any(|(magic, _)| magic.starts_with(&start));
                *self = if open { Self::Unknown(start) } else { Self::No };
                None
            }
        }
    }

    /// Ends the body.
    pub(super) fn finish(&mut self, inner: &Inner) -> Option<Origin> {
        match self {
            Self::Open(open) => open.1.finish(inner),
            Self::Unknown(_) | Self::No => None,
        }
    }

    /// Returns what was found and stops nothing.
    pub(super) fn take_reports(&mut self) -> Vec<Origin> {
        match self {
            Self::Open(open) => open.1.take_reports(),
            Self::Unknown(_) | Self::No => Vec::new(),
        }
    }

    /// Tells whether what has come must be held until more comes.
    pub(super) fn is_undecided(&self) -> bool {
        match self {
            Self::Open(open) => open.1.is_undecided(),
            Self::Unknown(_) | Self::No => false,
        }
    }

    fn unpack(&mut self, inner: &Inner, piece: &[u8]) -> Option<Origin> {
        let Self::Open(open) = self else {
            return None;
        };
        let (chain, text) = &mut **open;
        let mut found = None;
        let result = chain.push(piece, &mut |decoded| {
            found = found.take().or_else(|| text.push(inner, decoded));
            Ok::<(), Stop>(())
        });
        if result.is_err() && found.is_none() {
            *self = Self::No;
        }
        found
    }
}
