//! Encodings on top of each other, with bounds on what comes out.

use std::sync::Arc;

use super::brotli::Brotli;
use super::deflate::Deflate;
use super::gzip::Gzip;
use super::zstd::Zstd;
use crate::dlp::memory::{Memory, Share};
use crate::dlp::stop::{Stop, Unscannable};
use crate::limits::{DLP_ENCODINGS, DLP_FREE_BYTES, DLP_RATIO};

/// What can be undone, as an `accept-encoding`.
pub(in crate::dlp) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// How much is decoded at one time: no input, however small, makes more than this at once.
pub(super) const STEP: usize = 16 << 10;

/// What an encoder's own state takes, beside its window.
const STATE: usize = 64 << 10;

/// Takes what is decoded.
pub(in crate::dlp) type Sink<'s> = dyn FnMut(&[u8]) -> Result<(), Stop> + 's;

/// All encodings of a body, the outermost first.
#[derive(Debug, Default)]
pub(in crate::dlp) struct Chain {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    decoder: Decoder,
    taken: u64,
    given: u64,
    _share: Share,
}

#[derive(Debug)]
enum Decoder {
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd>),
}

impl Chain {
    /// Prepares to undo what `content-encoding` names.
    pub(in crate::dlp) fn new(
        content_encoding: Option<&str>,
        memory: &Arc<Memory>,
    ) -> Result<Self, Unscannable> {
        let names: Vec<String> = content_encoding
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        if names.len() > DLP_ENCODINGS {
            return Err(Unscannable::Encodings(names.len()));
        }
        // The last one was put on last, and comes off first.
        let layers = names.iter().rev().map(|name| layer(name, memory));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Tells whether there is nothing to undo.
    pub(in crate::dlp) fn is_identity(&self) -> bool {
        self.layers.is_empty()
    }

    /// Decodes the next piece.
    pub(in crate::dlp) fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        push(&mut self.layers, piece, sink)
    }

    /// Ends the body: what is not whole is damaged.
    pub(in crate::dlp) fn finish(&mut self) -> Result<(), Stop> {
        let broken = self.layers.iter_mut().find_map(Layer::broken);
        match broken {
            Some(name) => Err(Stop::Unscannable(Unscannable::Damaged(name))),
            None => Ok(()),
        }
    }
}

fn layer(name: &str, memory: &Arc<Memory>) -> Result<Layer, Unscannable> {
    let (decoder, bytes) = match name {
        "gzip" | "x-gzip" => (Decoder::Gzip(Box::default()), STATE),
        "deflate" => (Decoder::Deflate(Box::default()), STATE),
        "br" => (Decoder::Brotli(Box::default()), STATE + Brotli::WINDOW),
        "zstd" => (Decoder::Zstd(Box::default()), STATE + Zstd::WINDOW),
        other => return Err(Unscannable::Encoding(other.to_owned())),
    };
    let share = memory
        .take(bytes)
        .ok_or(Unscannable::Memory(decoder.name()))?;
    Ok(Layer {
        decoder,
        taken: 0,
        given: 0,
        _share: share,
    })
}

fn push(layers: &mut [Layer], piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
    let Some((layer, inner)) = layers.split_first_mut() else {
        return sink(piece);
    };
    let Layer {
        decoder,
        taken,
        given,
        _share,
    } = layer;
    *taken += piece.len() as u64;
    let name = decoder.name();
    let mut next = |decoded: &[u8]| {
        *given += decoded.len() as u64;
        if *given > DLP_FREE_BYTES && *given > taken.saturating_mul(DLP_RATIO) {
            return Err(Stop::Unscannable(Unscannable::Ratio(name)));
        }
        push(inner, decoded, sink)
    };
    decoder.push(piece, &mut next)
}

impl Layer {
    /// Returns the name of an encoding that did not end where the body did. An empty body has none.
    fn broken(&mut self) -> Option<&'static str> {
        let whole = self.taken == 0 || self.decoder.is_whole();
        (!whole).then(|| self.decoder.name())
    }
}

impl Decoder {
    fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Deflate(_) => "deflate",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        }
    }

    fn push(&mut self, piece: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::Gzip(gzip) => gzip.push(piece, sink),
            Self::Deflate(deflate) => deflate.push(piece, sink),
            Self::Brotli(brotli) => brotli.push(piece, sink),
            Self::Zstd(zstd) => zstd.push(piece, sink),
        }
    }

    fn is_whole(&mut self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.is_whole(),
            Self::Deflate(deflate) => deflate.is_whole(),
            Self::Brotli(brotli) => brotli.is_whole(),
            Self::Zstd(zstd) => zstd.is_whole(),
        }
    }
}
