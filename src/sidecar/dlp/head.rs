//! The head of a request: where it goes, and its headers.

use std::collections::BTreeSet;

use http::HeaderMap;

use super::detectors::Detectors;
use super::finding::{Finding, Place};

/// What is looked through of a request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The path, as the agent wrote it.
    pub path: &'a str,
    /// The query, as the agent wrote it.
    pub query: Option<&'a str>,
    /// The headers, as the agent sent them.
    pub headers: &'a HeaderMap,
}

/// The known values that may stand in the headers of one request, by their names.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    names: BTreeSet<String>,
}

impl Allowed {
    /// Allows none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Allows these placeholders and secrets.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

pub(super) fn find_in_head(
    detectors: &Detectors,
    head: &Head<'_>,
    allowed: &Allowed,
) -> Vec<Finding> {
    let mut found = detectors.find(head.host.as_bytes(), &Place::Host);
    found.extend(detectors.find(head.path.as_bytes(), &Place::Path));
    if let Some(query) = head.query {
        found.extend(detectors.find(query.as_bytes(), &Place::Query));
    }
    for (name, value) in head.headers {
        found.extend(detectors.find(name.as_str().as_bytes(), &Place::HeaderName));
        let place = Place::HeaderValue(name.as_str().to_owned());
        let in_value = detectors.find(value.as_bytes(), &place);
        found.extend(
            in_value
                .into_iter()
                .filter(|finding| !allowed.has(&finding.detector)),
        );
    }
    found
}
