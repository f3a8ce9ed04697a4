//! Finds vendors' tokens, private keys and session tokens in a text that passes.

use aho_corasick::{AhoCorasick, MatchKind};

use super::anchors::Anchors;
use super::exact::{Exact, Origin};
use super::finding::Tier;
use super::overlap::Overlap;
use super::vendor::{JWT, JWT_PREFIX, Letters, PRIVATE_KEY, PRIVATE_KEY_PREFIX, SHAPES, Shape};
use crate::limits::DLP_TOKEN_BYTES;

/// How many different letters a token has at least: `ghp_xxxx…` in a manual is none.
const VARIETY: usize = 8;
/// How much of a private key must be there: its header alone stands in many programs.
const KEY_LETTERS: usize = 40;
/// The longest rest of a private key's header line.
const KEY_HEADER: usize = 48;

/// All prefixes.
#[derive(Debug)]
pub(super) struct Tokens {
    /// To find one anywhere.
    anchors: Anchors,
    /// To find the leftmost one, where tokens are replaced.
    automaton: Option<AhoCorasick>,
    /// The prefixes of what is replaced.
    replaced: Exact,
    prefixes: Vec<(&'static str, Kind)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Token(&'static Shape),
    PrivateKey,
    Jwt,
}

/// What a prefix turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is what it looked like, up to this place.
    Yes(usize),
    /// The text ends before that can be told.
    Open,
    No,
}

/// What is to be replaced in the text that is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Replace {
    /// A token from here to there; where it ends with the text, more letters of it may follow.
    Token(usize, usize, Letters),
    /// From here on it cannot be told yet.
    Open(usize),
}

impl Tokens {
    /// Prepares the search for all prefixes.
    pub(super) fn new() -> Self {
        let mut prefixes: Vec<(&str, Kind)> = SHAPES
            .iter()
            .flat_map(|shape| {
                shape
                    .prefixes
                    .iter()
                    .map(|prefix| (*prefix, Kind::Token(shape)))
            })
            .collect();
        prefixes.push((JWT_PREFIX, Kind::Jwt));
        let words: Vec<&[u8]> = prefixes.iter().map(|(word, _)| word.as_bytes()).collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(prefixes.iter().map(|(prefix, _)| prefix))
            .ok();
        let replaced = SHAPES.iter().flat_map(|shape| {
            let pattern = |prefix: &&str| (prefix.as_bytes().to_vec(), Kind::Token(shape).origin());
            shape.prefixes.iter().map(pattern)
        });
        Self {
            anchors: Anchors::new(&words),
            automaton,
            replaced: Exact::new(replaced.collect()),
            prefixes,
        }
    }

    /// Returns the tokens in a text. `from_start` is whether nothing came before it; where
    /// something did, its first byte is there to tell what stands before a token, and no more.
    pub(super) fn find<'t>(
        &'t self,
        text: &'t [u8],
        from_start: bool,
    ) -> impl Iterator<Item = Origin> + use<'t> {
        self.prefixes(text)
            .chain(keys(text))
            .filter_map(move |(start, end, kind)| {
                let before = match start.checked_sub(1) {
                    Some(at) => text.get(at).copied(),
                    None if from_start => None,
                    None => return None,
                };
                if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                    return None;
                }
                match kind.judge(text.get(end..)?) {
                    Verdict::Yes(_) => Some(kind.origin()),
                    Verdict::Open | Verdict::No => None,
                }
            })
    }

    /// Returns the prefixes in a text; of two that begin at the same place the longer one, and none
    /// that stands inside of another.
    fn prefixes<'t>(
        &'t self,
        text: &'t [u8],
    ) -> impl Iterator<Item = (usize, usize, Kind)> + use<'t> {
        let mut last = 0..0;
        self.anchors.find(text).filter_map(move |(start, numbers)| {
            if start > last.start && start < last.end {
                return None;
            }
            let rest = text.get(start..)?;
            let mut prefixes = numbers
                .iter()
                .filter_map(|number| self.prefixes.get(*number));
            let (prefix, kind) =
                prefixes.find(|(prefix, _)| rest.starts_with(prefix.as_bytes()))?;
            last = start..start + prefix.len();
            Some((start, start + prefix.len(), *kind))
        })
    }

    /// Returns what is to be replaced first in a text that goes on. `before` is the byte before it.
    pub(super) fn to_replace(&self, text: &[u8], before: Option<u8>) -> Option<Replace> {
        let automaton = self.automaton.as_ref()?;
        for found in automaton.find_iter(text) {
            let start = found.start();
            let before = match start.checked_sub(1) {
                Some(at) => text.get(at).copied(),
                None => before,
            };
            let Some((_, Kind::Token(shape))) = self.prefixes.get(found.pattern().as_usize())
            else {
                continue;
            };
            if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                continue;
            }
            match token(shape, text.get(found.end()..).unwrap_or_default()) {
                Verdict::Yes(len) => {
                    return Some(Replace::Token(start, found.end() + len, shape.letters));
                }
                Verdict::Open => return Some(Replace::Open(start)),
                Verdict::No => {}
            }
        }
        let open = self.replaced.open_from(text);
        (open < text.len()).then_some(Replace::Open(open))
    }

    /// Lets a piece pass and returns what is found in it, or across its beginning. What stops
    /// nothing goes into `reports`.
    pub(super) fn push(
        &self,
        overlap: &mut Overlap,
        piece: &[u8],
        reports: &mut Vec<Origin>,
    ) -> Option<Origin> {
        let joined = overlap.join(piece, DLP_TOKEN_BYTES);
        overlap.pass(piece, DLP_TOKEN_BYTES);
        let across = self.find(&joined.text, joined.from_start);
        for origin in across.chain(self.find(piece, false)) {
            if origin.tier.stops() {
                return Some(origin);
            }
            reports.push(origin);
        }
        None
    }
}

impl Kind {
    fn origin(self) -> Origin {
        let (name, tier) = match self {
            Self::Token(shape) => (shape.id, Tier::Vendor),
            Self::PrivateKey => (PRIVATE_KEY, Tier::Vendor),
            Self::Jwt => (JWT, Tier::Noisy),
        };
        Origin {
            name: name.to_owned(),
            tier,
        }
    }

    /// Judges by what follows the prefix.
    fn judge(self, rest: &[u8]) -> Verdict {
        let whole = match self {
            Self::Token(shape) => return token(shape, rest),
            Self::PrivateKey => private_key(rest),
            Self::Jwt => jwt(rest),
        };
        whole.map_or(Verdict::No, Verdict::Yes)
    }
}

/// Returns where private keys begin.
fn keys(text: &[u8]) -> impl Iterator<Item = (usize, usize, Kind)> + use<'_> {
    let prefix = PRIVATE_KEY_PREFIX.as_bytes();
    let found = memchr::memmem::find_iter(text, prefix);
    found.map(move |at| (at, at + prefix.len(), Kind::PrivateKey))
}

/// Judges a token by what follows its prefix.
fn token(shape: &Shape, rest: &[u8]) -> Verdict {
    let letters = |bytes: &[u8]| {
        let letters = bytes.iter().take_while(|byte| shape.letters.has(**byte));
        letters.count()
    };
    // No more than the least is counted as long as it may be none: prefixes can stand in a row.
    let body = rest.get(..shape.least).unwrap_or(rest);
    let len = letters(body);
    if len < shape.least {
        return if len == rest.len() {
            Verdict::Open
        } else {
            Verdict::No
        };
    }
    let example = body.windows(7).any(|part| part == b"EXAMPLE");
    if example || variety(body) < VARIETY {
        return Verdict::No;
    }
    Verdict::Yes(letters(rest))
}

/// Counts the different bytes.
fn variety(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes
        .iter()
        .filter(|byte| {
            seen.get_mut(usize::from(**byte))
                .is_some_and(|seen| !std::mem::replace(seen, true))
        })
        .count()
}

/// Returns how far the part of a private key goes that makes it one.
fn private_key(rest: &[u8]) -> Option<usize> {
    let line = rest.get(..KEY_HEADER).unwrap_or(rest);
    let end = line.windows(5).position(|part| part == b"-----")?;
    let words = line.get(..end)?;
    if !words.ends_with(b"PRIVATE KEY") && !words.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body_at = end + 5;
    let body = rest.get(body_at..DLP_TOKEN_BYTES.min(rest.len()))?;
    let mut run = 0;
    for (at, byte) in body.iter().enumerate() {
        run = match byte {
            // Line ends and what programs put around lines; escapes of line ends are letters.
            b'\r' | b'\n' if run > 0 => run,
            byte if Letters::Base64.has(*byte) => run + 1,
            _ => 0,
        };
        if run >= KEY_LETTERS {
            return Some(body_at + at + 1);
        }
    }
    None
}

/// Returns how far a signed token goes, up to the dot after its claims.
fn jwt(rest: &[u8]) -> Option<usize> {
    let part = |from: usize, most: usize| {
        let rest = rest.get(from..)?;
        let rest = rest.get(..most).unwrap_or(rest);
        let len = rest.iter().take_while(|b| Letters::Url.has(**b)).count();
        (len >= 10 && rest.get(len) == Some(&b'.')).then_some(from + len + 1)
    };
    // Headers can stand in a row, so that only so much of one is looked at.
    let claims = part(0, DLP_TOKEN_BYTES)?;
    rest.get(claims..)?
        .starts_with(JWT_PREFIX.as_bytes())
        .then_some(())?;
    part(claims, usize::MAX)
}
