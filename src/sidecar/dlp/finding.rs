//! What was found, and where.

use std::fmt;

/// Something that must not leave, or that is worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of a secret or the id of a rule; never the value.
    pub detector: String,
    /// How sure it is.
    pub tier: Tier,
    /// Where it stood.
    pub place: Place,
}

/// How sure a finding is, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A credential of this bottle.
    Secret,
    /// What stands for a credential of this bottle.
    Placeholder,
    /// The bottle's canary.
    Canary,
    /// A line break in a header's value, which could begin a header or a request of its own.
    Injection,
    /// A token with a vendor's own prefix, or a private key.
    Vendor,
    /// A rule from a file.
    Rule,
    /// What is reported and stops nothing.
    Noisy,
}

impl Tier {
    /// Tells whether a finding of this tier stops what it was found in.
    pub fn stops(self) -> bool {
        match self {
            Self::Secret
            | Self::Placeholder
            | Self::Canary
            | Self::Injection
            | Self::Vendor
            | Self::Rule => true,
            Self::Noisy => false,
        }
    }

    /// Returns the word for it in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Placeholder => "placeholder",
            Self::Canary => "canary",
            Self::Injection => "injection",
            Self::Vendor => "vendor",
            Self::Rule => "rule",
            Self::Noisy => "noisy",
        }
    }
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the labels of the host's name.
    Host,
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In the name of a header.
    HeaderName,
    /// In the value of the header of this name.
    HeaderValue(String),
    /// In a body.
    Body,
    /// In the messages of a WebSocket.
    Frame,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => out.write_str("the host's name"),
            Self::Path => out.write_str("the path"),
            Self::Query => out.write_str("the query"),
            Self::HeaderName => out.write_str("the name of a header"),
            Self::HeaderValue(name) => write!(out, "the header `{name}`"),
            Self::Body => out.write_str("the body"),
            Self::Frame => out.write_str("a WebSocket message"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} `{}` in {}",
            self.tier.word(),
            self.detector,
            self.place
        )
    }
}
