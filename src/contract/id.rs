//! The name of one bottle, and the names of everything made for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest agent name: with the suffix and the role it must stay within the
/// 63 characters that every engine accepts for a container's name.
pub const MAX_NAME: usize = 32;

/// The number of characters of the suffix that tells bottles of one agent apart.
pub const SUFFIX_LEN: usize = 6;

/// The id of one running bottle: `<agent name>-<six characters of base 32>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BottleId(String);

/// A kebab-case name: a lower-case letter, then letters, digits and single hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// What a resource is to its bottle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The container in which the agent runs.
    Agent,
    /// The container of the guarding sidecar.
    Sidecar,
    /// The network without a way out.
    Internal,
    /// The network by which the sidecar gets out.
    Egress,
    /// An image that bottle built.
    Image,
}

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a kebab-case name (a lower-case letter, then at most {} letters, digits and single hyphens)",
    MAX_NAME - 1
)]
pub struct InvalidName {
    text: String,
}

impl BottleId {
    /// Makes an id from an agent's name and random bytes.
    pub fn new(name: &Name, random: [u8; SUFFIX_LEN]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let suffix: String = random
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied())
            .map(char::from)
            .collect();
        Self(format!("{name}-{suffix}"))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the bottle's resource with this role, the same on every engine.
    pub fn resource(&self, role: Role) -> String {
        format!("bottle-{}-{role}", self.0)
    }
}

impl Name {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Role {
    /// Returns the word that stands in labels and resource names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Sidecar => "sidecar",
            Self::Internal => "internal",
            Self::Egress => "egress",
            Self::Image => "image",
        }
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_kebab(text) && text.len() <= MAX_NAME {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName {
                text: text.to_owned(),
            })
        }
    }
}

impl FromStr for BottleId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.rsplit_once('-').is_some_and(|(name, suffix)| {
            name.parse::<Name>().is_ok() && suffix.len() == SUFFIX_LEN
        }) && is_kebab(text);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName {
                text: text.to_owned(),
            })
        }
    }
}

impl FromStr for Role {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Agent,
            Self::Sidecar,
            Self::Internal,
            Self::Egress,
            Self::Image,
        ]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| InvalidName {
            text: text.to_owned(),
        })
    }
}

fn is_kebab(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for BottleId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<BottleId> for String {
    fn from(id: BottleId) -> Self {
        id.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for BottleId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kebab_case() {
        for good in ["a", "reviewer", "code-reviewer-2"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "2b",
            "-a",
            "a-",
            "a--b",
            "a_b",
            "a.b",
            "ä",
            &"x".repeat(MAX_NAME + 1),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_parses_back_and_names_its_resources() {
        let name: Name = "x".repeat(MAX_NAME).parse().unwrap();
        let id = BottleId::new(&name, [0, 31, 32, 63, 255, 7]);
        assert_eq!(id.as_str().parse::<BottleId>().unwrap(), id);
        assert!(id.resource(Role::Internal).len() <= 63);
        assert!(id.resource(Role::Agent).starts_with("bottle-xxx"));
    }

    #[test]
    fn a_role_parses_back() {
        assert_eq!("sidecar".parse::<Role>().unwrap(), Role::Sidecar);
        assert!("Sidecar".parse::<Role>().is_err());
    }
}
