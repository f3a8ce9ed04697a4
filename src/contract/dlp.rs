//! What is done about secrets on their way out: the settings that a sidecar gets, and what its log
//! says of a find.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::{Secret, exposed, exposed_option};

/// How what leaves a bottle is scanned. Scanning itself cannot be switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dlp {
    /// What a match does where the route says nothing else.
    #[serde(default)]
    pub on_match: OnMatch,
    /// What becomes of a body that cannot be scanned, where the route says nothing else.
    #[serde(default)]
    pub unscannable: Unscannable,
    /// Whether text that looks random is reported.
    #[serde(default)]
    pub entropy: Entropy,
    /// A value that was planted in the bottle and that nothing there has a use for.
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub canary: Option<Secret>,
    /// What stands in the agent's environment in the place of real values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placeholders: Vec<Placeholder>,
    /// Files of rules in the format of gitleaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleText>,
}

/// A value that stands for a secret, and that is worth nothing anywhere but here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder {
    /// Its name: that of the agent's variable. Routes name it where it counts.
    pub name: String,
    /// The name under which the sidecar was given the real value.
    pub secret: String,
    /// What the agent has.
    #[serde(with = "exposed")]
    pub value: Secret,
}

/// A file of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleText {
    /// The file's name, for errors.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// The same without any value: what may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanning {
    /// What a match does where the route says nothing else.
    pub on_match: OnMatch,
    /// What becomes of a body that cannot be scanned, where the route says nothing else.
    pub unscannable: Unscannable,
    /// Whether text that looks random is reported.
    pub entropy: Entropy,
    /// Whether a value was planted.
    pub canary: bool,
    /// The names of the placeholders.
    pub placeholders: Vec<String>,
    /// The names of the files of rules.
    pub rules: Vec<String>,
}

/// What a route says about scanning, beside what holds for the whole bottle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteDlp {
    /// What a match does; `None` is the bottle's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_match: Option<OnMatch>,
    /// What becomes of a body that cannot be scanned; `None` is the bottle's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unscannable: Option<Unscannable>,
    /// The placeholders whose real values go to this route, by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub placeholders: BTreeSet<String>,
}

/// What a match does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMatch {
    /// The request is stopped.
    #[default]
    Block,
    /// What matched is replaced where it stands in a body; anywhere else the request is stopped.
    Redact,
}

/// What becomes of a body that cannot be scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unscannable {
    /// It is stopped.
    #[default]
    Deny,
    /// It goes on.
    Pass,
}

/// Whether text that looks random is reported. It is never stopped for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entropy {
    /// It is not.
    #[default]
    Ignore,
    /// It is.
    Report,
}

/// What was found, and where. Never the text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The name of a secret or placeholder, or the id of a rule.
    pub detector: String,
    /// Where it stood: `host`, `path`, `query`, `header x-name`, `body` …
    pub place: String,
}

impl Dlp {
    /// Returns what may be shown.
    pub fn shown(&self) -> Scanning {
        let placeholders = self.placeholders.iter().map(|one| one.name.clone());
        Scanning {
            on_match: self.on_match,
            unscannable: self.unscannable,
            entropy: self.entropy,
            canary: self.canary.is_some(),
            placeholders: placeholders.collect(),
            rules: self.rules.iter().map(|rules| rules.name.clone()).collect(),
        }
    }
}

impl RouteDlp {
    /// Tells whether the route says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` in the {}", self.detector, self.place)
    }
}

impl fmt::Display for OnMatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Block => "block",
            Self::Redact => "redact",
        })
    }
}

impl fmt::Display for Unscannable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Deny => "deny",
            Self::Pass => "pass",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_travel_with_their_values_and_never_print_them() {
        let dlp = Dlp {
            canary: Some(Secret::new("canary-value".to_owned())),
            placeholders: vec![Placeholder {
                name: "TOKEN".to_owned(),
                secret: "REAL".to_owned(),
                value: Secret::new("placeholder-value".to_owned()),
            }],
            ..Dlp::default()
        };
        let wire = serde_json::to_string(&dlp).unwrap();
        assert_eq!(serde_json::from_str::<Dlp>(&wire).unwrap(), dlp);
        let shown = format!("{dlp:?}");
        assert!(!shown.contains("-value"), "{shown}");
    }

    #[test]
    fn an_older_launcher_says_nothing_and_gets_the_strict_defaults() {
        let dlp: Dlp = serde_json::from_str("{}").unwrap();
        assert_eq!(dlp, Dlp::default());
        assert_eq!(
            (dlp.on_match, dlp.unscannable),
            (OnMatch::Block, Unscannable::Deny)
        );
    }
}
