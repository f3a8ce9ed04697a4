//! All that is looked for in one bottle, built once.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::encodings::{contiguous, encoded};
use super::exact::{Exact, Origin};
use super::finding::{Finding, Place, Tier};
use super::folded::{ENCODED, SPLIT, fold};
use super::head::{Allowed, Head, find_in_head};
use super::known::{Known, KnownValue};
use super::memory::Memory;
use super::rules::{BadRules, RuleFile, RuleSet};
use super::text::{Mail, Text};
use super::tokens::Tokens;
use super::unescape::Unescape;
use crate::limits::{DLP_DECODER_BYTES, DLP_VALUE_BYTES};

/// The fewest bytes of a value that is looked for at all, as a word in a head.
const SHORTEST: usize = 4;
/// The fewest bytes of a value that is looked for in all forms.
const FULL: usize = 8;

/// All that is looked for in one bottle. A clone shares it.
#[derive(Clone)]
pub struct Detectors(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// Values in texts without separators and case.
    pub(super) folded: Exact,
    /// Values that are mostly separators, as they are.
    pub(super) plain: Exact,
    /// Values that are too short for bodies.
    pub(super) short: Exact,
    /// The contiguous forms of all values, to replace them.
    pub(super) replaced: Exact,
    /// The same of injected secrets only.
    pub(super) secrets: Exact,
    pub(super) tokens: Tokens,
    pub(super) rules: RuleSet,
    pub(super) memory: Arc<Memory>,
}

impl Detectors {
    /// Builds the detectors of a bottle: its known values, and rules from files on top.
    pub fn new(known: &Known, files: &[RuleFile]) -> Result<Self, BadRules> {
        let values = || {
            let secrets = known.secrets.iter().map(|value| (value, Tier::Secret));
            let placeholders = known.placeholders.iter();
            let placeholders = placeholders.map(|value| (value, Tier::Placeholder));
            let canary = known.canary.iter().map(|value| (value, Tier::Canary));
            secrets.chain(placeholders).chain(canary)
        };
        let exact = |forms: fn(&[u8]) -> Vec<Vec<u8>>| Exact::new(patterns(values(), forms));
        let secrets = values().filter(|(_, tier)| *tier == Tier::Secret);
        Ok(Self(Arc::new(Inner {
            folded: exact(folded_forms),
            plain: exact(plain_forms),
            short: exact(short_forms),
            replaced: exact(replaced_forms),
            secrets: Exact::new(patterns(secrets, replaced_forms)),
            tokens: Tokens::new(),
            rules: RuleSet::new(files)?,
            memory: Arc::new(Memory::new(DLP_DECODER_BYTES)),
        })))
    }

    /// Returns what is found in the head of a request. `allowed` may stand in the values of its headers.
    pub fn head(&self, head: &Head<'_>, allowed: &Allowed) -> Vec<Finding> {
        find_in_head(self, head, allowed)
    }

    /// Returns what is found in a text that is whole.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Origin> {
        let inner = &*self.0;
        let mut found: Vec<Origin> = Vec::new();
        let mut look = |text: &[u8]| {
            found.extend(inner.plain.each(text).cloned());
            found.extend(inner.folded.each(&fold(text)).cloned());
            found.extend(inner.tokens.find(text, true));
        };
        look(text);
        if let Cow::Owned(plain) = Unescape::whole(text) {
            look(&plain);
        }
        // The passing text knows the rest: base64, and rules.
        let mut passing = Text::new(inner, Mail::No);
        found.extend(passing.push(inner, text));
        found.extend(passing.finish(inner));
        found.extend(passing.take_reports());
        found.sort_by(|a, b| (a.tier, &a.name).cmp(&(b.tier, &b.name)));
        found.dedup_by(|a, b| a.name == b.name && a.tier == b.tier);
        found
    }
}

impl Origin {
    /// Makes a finding of it.
    pub(super) fn at(self, place: &Place) -> Finding {
        Finding {
            detector: self.name,
            tier: self.tier,
            place: place.clone(),
        }
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Detectors([redacted])")
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Inner([redacted])")
    }
}

fn patterns<'v>(
    values: impl Iterator<Item = (&'v KnownValue, Tier)>,
    forms: fn(&[u8]) -> Vec<Vec<u8>>,
) -> Vec<(Vec<u8>, Origin)> {
    let mut patterns = Vec::new();
    for (known, tier) in values {
        let value = known.value.expose().as_bytes();
        let value = value.get(..DLP_VALUE_BYTES).unwrap_or(value);
        let name = known.name.clone();
        let origin = Origin { name, tier };
        patterns.extend(forms(value).into_iter().map(|form| (form, origin.clone())));
    }
    patterns
}

/// What a value is in a text without separators and case.
fn folded_forms(value: &[u8]) -> Vec<Vec<u8>> {
    if value.len() < FULL {
        return Vec::new();
    }
    let own = [fold(value), fold(&Unescape::whole(value))];
    let reversed: Vec<u8> = own[0].iter().rev().copied().collect();
    let mut forms: Vec<Vec<u8>> = own.into_iter().chain([reversed]).collect();
    forms.retain(|form| form.len() >= SPLIT);
    let mut others: Vec<Vec<u8>> = encoded(value).iter().map(|form| fold(form)).collect();
    others.retain(|form| form.len() >= ENCODED);
    forms.extend(others);
    forms
}

/// What a value is where it has too few letters for that.
fn plain_forms(value: &[u8]) -> Vec<Vec<u8>> {
    if value.len() >= FULL && fold(value).len() < SPLIT {
        let reversed = value.iter().rev().copied().collect();
        vec![value.to_vec(), reversed]
    } else {
        Vec::new()
    }
}

fn short_forms(value: &[u8]) -> Vec<Vec<u8>> {
    if (SHORTEST..FULL).contains(&value.len()) {
        vec![value.to_vec()]
    } else {
        Vec::new()
    }
}

fn replaced_forms(value: &[u8]) -> Vec<Vec<u8>> {
    if value.len() >= FULL {
        contiguous(value)
    } else {
        Vec::new()
    }
}
