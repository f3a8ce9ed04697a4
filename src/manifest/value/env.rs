//! Environment variables: their names, and where their values come from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bottle_contract::host::HostPattern;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor, value};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use thiserror::Error as ThisError;

use super::read::{Read, Text};
use super::secret::{AskPrompt, SecretSource, schema_of_sources};
use super::words::Word;

/// The proxy variables: bottle points them at the sidecar.
const PROXY: [&str; 10] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_USE_ENV_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The certificate variables: bottle points them at the bundle that has the bottle's CA.
const CERTIFICATES: [&str; 10] = [
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CODEX_CA_CERTIFICATE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

/// The longest value of a variable: the kernel takes no longer string in an environment (`MAX_ARG_STRLEN`).
pub(super) const MAX_STRING: usize = 128 * 1024 - 1;

/// The name of a variable that a manifest may set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct EnvName(String);

/// Where the value of a variable comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvSource {
    /// It stands in the manifest.
    Literal(String),
    /// It is taken from the host's environment.
    Host {
        /// The variable on the host.
        variable: String,
    },
    /// It is asked for on the terminal, without an echo.
    Ask {
        /// What the question says.
        prompt: String,
    },
    /// The agent has a random value; the sidecar puts the real one in its place.
    Placeholder {
        /// Where the real value comes from.
        secret: SecretSource,
        /// The hosts of the routes where that happens.
        hosts: Vec<HostPattern>,
    },
}

/// Why a variable cannot have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum InvalidEnvName {
    /// Not what a shell takes for a name.
    #[error("a variable's name has letters, digits and `_`, and does not start with a digit")]
    Character,
    /// A proxy variable.
    #[error("bottle sets this variable itself: it points at the sidecar, the only way out")]
    Proxy,
    /// A variable that names certificates.
    #[error("bottle sets this variable itself: it names the bundle with the bottle's CA")]
    Certificates,
    /// A variable of ours.
    #[error("variables that start with `BOTTLE_` are bottle's own")]
    Own,
}

/// The value of a variable as it stands in a manifest.
#[derive(Clone, Debug)]
pub(crate) struct EnvValue(pub(crate) EnvSource);

/// The name of a variable on the host: any that a shell can set.
#[derive(Clone, Debug)]
pub(super) struct HostVariable(pub(super) String);

/// The table of a value that does not stand in the manifest.
#[derive(Debug, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Elsewhere {
    host: Option<Read<HostVariable>>,
    ask: Option<Read<AskPrompt>>,
}

/// The same for a variable of the agent's, which may get a placeholder.
#[derive(Debug, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct EnvTable {
    host: Option<Read<HostVariable>>,
    ask: Option<Read<AskPrompt>>,
    placeholder: Option<bool>,
    #[serde(rename = "for")]
    hosts: Option<Vec<Read<HostPattern>>>,
}

impl EnvTable {
    fn source(self) -> Result<EnvSource, &'static str> {
        let secret = Elsewhere {
            host: self.host,
            ask: self.ask,
        }
        .source()?;
        match (self.placeholder, self.hosts) {
            (None | Some(false), None) => Ok(secret.into()),
            (None | Some(false), Some(_)) => Err("`for` goes with `placeholder = true` only"),
            (Some(true), Some(hosts)) if !hosts.is_empty() => Ok(EnvSource::Placeholder {
                secret,
                hosts: hosts.into_iter().map(|host| host.0).collect(),
            }),
            (Some(true), _) => Err(
                "a placeholder needs the hosts of the routes where the real value is put in; \
                 write `for = [\"api.example.com\"]` beside it",
            ),
        }
    }
}

impl EnvName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvName {
    type Err = InvalidEnvName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !is_shell_name(text) {
            return Err(InvalidEnvName::Character);
        }
        // Some programs take these names in any mixture of cases.
        let upper = text.to_ascii_uppercase();
        if PROXY.contains(&text) || PROXY.contains(&upper.as_str()) {
            return Err(InvalidEnvName::Proxy);
        }
        if CERTIFICATES.contains(&upper.as_str()) || upper == "SSL_CERT_DIR" {
            return Err(InvalidEnvName::Certificates);
        }
        if upper.starts_with("BOTTLE_") {
            return Err(InvalidEnvName::Own);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for HostVariable {
    type Err = InvalidEnvName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_shell_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEnvName::Character)
        }
    }
}

fn is_shell_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.len() <= 256
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Text for EnvName {
    const EXPECTED: &'static str = "the name of a variable";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z_][A-Za-z0-9_]*$");
}

impl Text for HostVariable {
    const EXPECTED: &'static str = "the name of a variable on the host, in quotes";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z_][A-Za-z0-9_]*$");
}

impl Elsewhere {
    /// Takes the one source that is there.
    pub(super) fn source(self) -> Result<SecretSource, &'static str> {
        match (self.host, self.ask) {
            (Some(Read(variable)), None) => Ok(SecretSource::Host {
                variable: variable.0,
            }),
            (None, Some(Read(prompt))) => Ok(SecretSource::Ask { prompt: prompt.0 }),
            (None, None) | (Some(_), Some(_)) => {
                Err("write either `{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`")
            }
        }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnvVisitor)
    }
}

struct EnvVisitor;

impl<'de> Visitor<'de> for EnvVisitor {
    type Value = EnvValue;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("text in quotes, `{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let word: Word = text.parse().map_err(E::custom)?;
        Ok(EnvValue(EnvSource::Literal(word.0)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let table = EnvTable::deserialize(value::MapAccessDeserializer::new(map))?;
        table.source().map(EnvValue).map_err(A::Error::custom)
    }
}

impl JsonSchema for EnvValue {
    fn schema_name() -> Cow<'static, str> {
        "EnvValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut any_of = vec![json_schema!({
            "type": "string",
            "description": "The value itself."
        })];
        any_of.extend(schema_of_sources(generator));
        any_of.extend(schema_of_placeholders(generator));
        json_schema!({ "anyOf": any_of })
    }
}

/// The tables of a value that the agent only has a placeholder for.
fn schema_of_placeholders(generator: &mut SchemaGenerator) -> Vec<Schema> {
    let table = |key: &str, value: Schema| {
        json_schema!({
            "type": "object",
            "description": "The agent gets a random value; the real one is put in for these routes.",
            "properties": {
                key: value,
                "placeholder": { "type": "boolean" },
                "for": { "type": "array", "items": { "type": "string" }, "minItems": 1 }
            },
            "required": [key, "placeholder", "for"],
            "additionalProperties": false
        })
    };
    vec![
        table("host", Read::<HostVariable>::json_schema(generator)),
        table("ask", Read::<AskPrompt>::json_schema(generator)),
    ]
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_shell_and_not_ours() {
        for good in ["A", "_a1", "LOG_LEVEL", "PROXY", "MY_HTTP_PROXY", "BOTTLED"] {
            assert!(good.parse::<EnvName>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidEnvName::Character),
            ("1A", InvalidEnvName::Character),
            ("A-B", InvalidEnvName::Character),
            ("A=B", InvalidEnvName::Character),
            ("HTTP_PROXY", InvalidEnvName::Proxy),
            ("Http_Proxy", InvalidEnvName::Proxy),
            ("no_proxy", InvalidEnvName::Proxy),
            ("SSL_CERT_FILE", InvalidEnvName::Certificates),
            ("SSL_CERT_DIR", InvalidEnvName::Certificates),
            ("BOTTLE_PROMPT_FILE", InvalidEnvName::Own),
        ] {
            assert_eq!(bad.parse::<EnvName>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_variable_of_the_host_may_have_any_name() {
        assert!("HTTP_PROXY".parse::<HostVariable>().is_ok());
        assert!("A B".parse::<HostVariable>().is_err());
    }
}
