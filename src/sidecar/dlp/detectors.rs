//! All that is looked for in one bottle, built once.

use std::fmt;
use std::sync::Arc;

use super::exact::{Exact, Origin, SHORTEST};
use super::finding::{Finding, Place, Tier};
use super::head::{Allowed, Head, find_in_head};
use super::known::{Known, KnownValue};
use super::rules::{BadRules, RuleFile};

/// All that is looked for in one bottle. A clone shares it.
#[derive(Clone)]
pub struct Detectors(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) exact: Exact,
    pub(super) secrets: Exact,
}

impl Detectors {
    /// Builds the detectors of a bottle: its known values, and rules from files on top.
    pub fn new(known: &Known, _files: &[RuleFile]) -> Result<Self, BadRules> {
        let secrets = patterns(&known.secrets, Tier::Secret);
        let mut all = secrets.clone();
        all.extend(patterns(&known.placeholders, Tier::Placeholder));
        all.extend(patterns(known.canary.as_slice(), Tier::Canary));
        Ok(Self(Arc::new(Inner {
            exact: Exact::new(&all),
            secrets: Exact::new(&secrets),
        })))
    }

    /// Returns what is found in the head of a request. `allowed` may stand in the values of its headers.
    pub fn head(&self, head: &Head<'_>, allowed: &Allowed) -> Vec<Finding> {
        find_in_head(self, head, allowed)
    }

    /// Returns what is found in a text that is whole.
    pub(super) fn find(&self, text: &[u8], place: &Place) -> Vec<Finding> {
        let exact = &self.0.exact;
        exact
            .find(text)
            .filter_map(|hit| exact.origin(hit))
            .map(|origin| Finding {
                detector: origin.name.clone(),
                tier: origin.tier,
                place: place.clone(),
            })
            .collect()
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Detectors([redacted])")
    }
}

fn patterns(values: &[KnownValue], tier: Tier) -> Vec<(Vec<u8>, Origin)> {
    values
        .iter()
        .filter(|value| value.value.expose().len() >= SHORTEST)
        .map(|value| {
            let name = value.name.clone();
            (
                value.value.expose().as_bytes().to_vec(),
                Origin { name, tier },
            )
        })
        .collect()
}
