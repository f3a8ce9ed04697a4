//! What is looked for in a request's head, and what becomes of what is found.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bottle_contract::audit::Decision;
use bottle_contract::dlp::{self, Dlp, Entropy, Found, RouteDlp};
use bottle_contract::host::Host;
use bottle_contract::intent::{Intent, Scheme};
use bottle_contract::policy::Route;
use bottle_contract::secret::Secret;
use bottle_contract::verdict::Reason;
use http::header::HeaderMap;

use super::credential::{CREDENTIALS, Credential, InvalidSecret};
use super::swap::Swap;
use crate::audit::MASK;
use crate::dlp::{
    Allowed, BadRules, Detectors, Finding, Head, Known, KnownValue, Place, RuleFile, Tier,
};

/// The name under which the planted value is reported.
const CANARY: &str = "canary";

/// What is looked for in a bottle, and what a match does where a route says nothing.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) detectors: Detectors,
    pub(super) answers: Answers,
    swaps: Vec<Arc<Swap>>,
    on_match: dlp::OnMatch,
    unscannable: dlp::Unscannable,
}

/// Whether secrets are taken out of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// There are secrets that an origin may send back.
    Scrubbed,
    /// There are none.
    AsTheyAre,
}

/// Why the detectors of a bottle cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadScan {
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// A file of rules cannot be used.
    #[error("the rules for secrets: {0}")]
    Rules(#[from] BadRules),
}

/// Where a request goes, once the policy has said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Towards<'a> {
    pub(super) route: &'a Route,
    pub(super) credential: Option<&'a Credential>,
}

/// What was found in a head.
#[derive(Debug, Default)]
pub(super) struct Inspected {
    /// What stops the request.
    pub(super) stop: Option<(Reason, Found)>,
    /// What is only reported.
    pub(super) warnings: Vec<Found>,
    /// The placeholders that get their real values.
    pub(super) swaps: Vec<Arc<Swap>>,
    hidden: Hidden,
}

/// What of a head must not be shown.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a part of a head, and any of them may be hidden beside the others"
)]
struct Hidden {
    host: bool,
    method: bool,
    path: bool,
    /// The names of headers whose values are hidden.
    values: Vec<String>,
    /// Whether a header's name is itself what was found.
    names: bool,
}

impl Scan {
    pub(super) fn new(dlp: &Dlp, secrets: &BTreeMap<String, Secret>) -> Result<Self, BadScan> {
        let known = Known {
            secrets: secrets
                .iter()
                .map(|(name, value)| KnownValue::new(name, value.expose()))
                .collect(),
            placeholders: dlp
                .placeholders
                .iter()
                .map(|one| KnownValue::new(&one.name, one.value.expose()))
                .collect(),
            canary: dlp
                .canary
                .as_ref()
                .map(|value| KnownValue::new(CANARY, value.expose())),
        };
        let mut files: Vec<RuleFile> = dlp
            .rules
            .iter()
            .map(|rules| RuleFile::new(&rules.name, &rules.text))
            .collect();
        match dlp.entropy {
            Entropy::Report => files.push(RuleFile::high_entropy()),
            Entropy::Ignore => {}
        }
        Ok(Self {
            swaps: Swap::all(dlp, secrets)?.into_iter().map(Arc::new).collect(),
            detectors: Detectors::new(&known, &files)?,
            answers: if secrets.is_empty() {
                Answers::AsTheyAre
            } else {
                Answers::Scrubbed
            },
            on_match: dlp.on_match,
            unscannable: dlp.unscannable,
        })
    }

    /// Returns what a match does on this route.
    pub(super) fn on_match(&self, route: Option<&RouteDlp>) -> dlp::OnMatch {
        let says = route.and_then(|route| route.on_match);
        says.unwrap_or(self.on_match)
    }

    /// Returns what becomes of a body on this route that cannot be scanned.
    pub(super) fn unscannable(&self, route: Option<&RouteDlp>) -> dlp::Unscannable {
        let says = route.and_then(|route| route.unscannable);
        says.unwrap_or(self.unscannable)
    }

    /// Looks through a head. Where it goes is known once the policy permits it: then what the
    /// sidecar replaces or removes is left out, since it does not leave.
    pub(super) fn head(
        &self,
        intent: &Intent,
        headers: &HeaderMap,
        towards: Option<Towards<'_>>,
    ) -> Inspected {
        let mut inspected = Inspected::default();
        let mut leaving = Cow::Borrowed(headers);
        if let Some(Towards { route, credential }) = towards {
            if let Some(credential) = credential
                && credential.replaces_some_of(headers)
            {
                credential.remove_from(leaving.to_mut());
            }
            for swap in self.swaps_towards(route, intent.scheme) {
                if swap.stands_in(&leaving) {
                    let names = swap.take_out_of(leaving.to_mut());
                    let names = names.iter().map(|name| name.as_str().to_owned());
                    inspected.hidden.values.extend(names);
                    inspected.swaps.push(Arc::clone(swap));
                }
            }
        }
        let host = shown_host(&intent.host);
        let head = Head {
            host: &host,
            path: intent.target.path(),
            query: intent.target.query(),
            headers: &leaving,
        };
        for finding in self.detectors.head(&head, &Allowed::none()) {
            inspected.add(&finding);
        }
        if !is_common(intent.method.as_str()) {
            let found = self.in_text(intent.method.as_str()).into_iter().next();
            inspected.add_method(found);
        }
        inspected
    }

    /// Tells whether a text holds what must not be shown.
    fn hides(&self, text: &str) -> bool {
        let found = self.in_text(text);
        found.iter().any(|finding| finding.tier.stops())
    }

    /// Looks through a text as through a path.
    fn in_text(&self, text: &str) -> Vec<Finding> {
        let head = Head {
            host: text,
            path: text,
            query: None,
            headers: &HeaderMap::new(),
        };
        self.detectors.head(&head, &Allowed::none())
    }

    /// A text for the log or an answer, or what stands for it.
    pub(super) fn shown(&self, text: String) -> String {
        if self.hides(&text) {
            MASK.to_owned()
        } else {
            text
        }
    }

    /// The real values go over TLS only.
    fn swaps_towards<'a>(
        &'a self,
        route: &'a Route,
        scheme: Scheme,
    ) -> impl Iterator<Item = &'a Arc<Swap>> {
        self.swaps.iter().filter(move |swap| {
            scheme == Scheme::Https && route.dlp.placeholders.contains(swap.name())
        })
    }
}

impl Inspected {
    fn add(&mut self, finding: &Finding) {
        self.hidden.add(&finding.place);
        let found = found(finding);
        // It is where tokens belong, and the policy says who gets them.
        let at_home = finding.tier >= Tier::Vendor && is_credential(&finding.place);
        match reason(finding.tier) {
            Some(reason) if !at_home => {
                self.stop.get_or_insert((reason, found));
            }
            Some(_) | None => {
                if !self.warnings.contains(&found) {
                    self.warnings.push(found);
                }
            }
        }
    }

    /// Routes that name no methods take any word for one.
    fn add_method(&mut self, finding: Option<Finding>) {
        let Some((reason, finding)) =
            finding.and_then(|finding| Some((reason(finding.tier)?, finding)))
        else {
            return;
        };
        self.hidden.method = true;
        let found = Found {
            detector: finding.detector,
            place: "method".to_owned(),
        };
        self.stop.get_or_insert((reason, found));
    }

    /// Takes out of a line of the log what was found.
    pub(super) fn mask(&self, decision: &mut Decision) {
        let Hidden {
            host,
            method,
            path,
            values,
            names,
        } = &self.hidden;
        let hide = |hidden: bool, text: &mut Option<String>| {
            if hidden && text.is_some() {
                *text = Some(MASK.to_owned());
            }
        };
        hide(*host, &mut decision.host);
        hide(*method, &mut decision.method);
        hide(*path, &mut decision.path);
        for (name, value) in &mut decision.headers {
            if *names || values.contains(name) {
                MASK.clone_into(value);
            }
            if *names {
                MASK.clone_into(name);
            }
        }
    }

    /// Tells whether what was asked for can be said in an answer.
    pub(super) fn hides_subject(&self) -> bool {
        self.hidden.host || self.hidden.method || self.hidden.path
    }
}

impl Hidden {
    fn add(&mut self, place: &Place) {
        match place {
            Place::Host => self.host = true,
            // The log has no values of a query, but the names in it.
            Place::Path | Place::Query => self.path = true,
            Place::HeaderName => self.names = true,
            Place::HeaderValue(name) => self.values.push(name.clone()),
            Place::Body | Place::Frame => {}
        }
    }
}

/// Says of a finding what the log may have.
pub(super) fn found(finding: &Finding) -> Found {
    Found {
        detector: finding.detector.clone(),
        place: match &finding.place {
            Place::Host => "host".to_owned(),
            Place::Path => "path".to_owned(),
            Place::Query => "query".to_owned(),
            Place::HeaderName => "name of a header".to_owned(),
            Place::HeaderValue(name) => format!("header {name}"),
            Place::Body => "body".to_owned(),
            Place::Frame => "frame".to_owned(),
        },
    }
}

/// Returns why a finding stops a request; `None` where it does not.
pub(super) fn reason(tier: Tier) -> Option<Reason> {
    match tier {
        Tier::Secret => Some(Reason::Secret),
        Tier::Placeholder => Some(Reason::Placeholder),
        Tier::Canary => Some(Reason::Canary),
        Tier::Injection => Some(Reason::Injection),
        Tier::Vendor => Some(Reason::Token),
        Tier::Rule => Some(Reason::Rule),
        Tier::Noisy => None,
    }
}

fn is_credential(place: &Place) -> bool {
    match place {
        Place::HeaderValue(name) => {
            name == "cookie" || CREDENTIALS.contains(&name.replace('_', "-").as_str())
        }
        Place::Host
        | Place::Path
        | Place::Query
        | Place::HeaderName
        | Place::Body
        | Place::Frame => false,
    }
}

fn is_common(method: &str) -> bool {
    [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ]
    .contains(&method)
}

/// An address has no labels in which something could stand.
fn shown_host(host: &Host) -> Cow<'_, str> {
    match host {
        Host::Name(name) => Cow::Borrowed(name),
        Host::Address(_) => Cow::Borrowed(""),
    }
}
