//! Credentials: never their values, only where those come from and where they go.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor, value};

use super::env::{Elsewhere, EnvSource, HostVariable};
use super::read::{Read, Text};

/// The longest question; it goes onto one line of a terminal.
const MAX_PROMPT: usize = 200;

/// Headers that say where a request goes or how it is framed: the sidecar's own business.
const FRAMING: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// What is said about a credential that stands in a file.
pub(crate) const LITERAL_SECRET: &str = "a credential does not stand in a file; write \
     `{ host = \"VARIABLE\" }` to take it from the host's environment, or `{ ask = \"Question\" }`";

/// Where a credential comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// From a variable of the host's environment.
    Host {
        /// The variable.
        variable: String,
    },
    /// Asked for on the terminal, without an echo.
    Ask {
        /// What the question says.
        prompt: String,
    },
}

/// A credential as it stands in a manifest: never the value.
#[derive(Clone, Debug)]
pub(crate) struct SecretValue(pub(crate) SecretSource);

/// A question for the terminal: one line of printable text.
#[derive(Clone, Debug)]
pub(super) struct AskPrompt(pub(super) String);

/// The name of the header that carries a credential, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct HeaderName(pub(crate) String);

/// The user name of basic authentication (RFC 7617, section 2).
#[derive(Clone, Debug)]
pub(crate) struct BasicUser(pub(crate) String);

impl From<SecretSource> for EnvSource {
    fn from(source: SecretSource) -> Self {
        match source {
            SecretSource::Host { variable } => Self::Host { variable },
            SecretSource::Ask { prompt } => Self::Ask { prompt },
        }
    }
}

impl FromStr for AskPrompt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err("the question is empty");
        }
        if text.chars().count() > MAX_PROMPT {
            return Err("the question is longer than 200 characters");
        }
        // Whoever wrote the file must not be able to write anything else onto the user's terminal.
        if crate::manifest::place::escaped(text) != text {
            return Err("the question has characters that do not print");
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for HeaderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The `token` of RFC 9110, section 5.6.2.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(token) {
            return Err(
                "a header's name is a token of at most 128 characters, such as `x-api-key`",
            );
        }
        let name = text.to_ascii_lowercase();
        if FRAMING.contains(&name.as_str()) || name.starts_with("proxy-") {
            return Err("this header steers the request and cannot carry a credential");
        }
        Ok(Self(name))
    }
}

impl FromStr for BasicUser {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') || text.chars().any(char::is_control) {
            return Err("a user name has no `:` and no control characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Text for AskPrompt {
    const EXPECTED: &'static str = "a question in quotes";
}

impl Text for HeaderName {
    const EXPECTED: &'static str = "a header's name in quotes, such as \"x-api-key\"";
}

impl Text for BasicUser {
    const EXPECTED: &'static str = "a user name in quotes";
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = SecretValue;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("`{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(E::custom(LITERAL_SECRET))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let elsewhere = Elsewhere::deserialize(value::MapAccessDeserializer::new(map))?;
        elsewhere
            .source()
            .map(SecretValue)
            .map_err(A::Error::custom)
    }
}

impl JsonSchema for SecretValue {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": schema_of_sources(generator) })
    }
}

/// The two tables for a value that does not stand in the file.
pub(super) fn schema_of_sources(generator: &mut SchemaGenerator) -> Vec<Schema> {
    let table = |key: &str, value: Schema, description: &str| {
        json_schema!({
            "type": "object",
            "description": description,
            "properties": { key: value },
            "required": [key],
            "additionalProperties": false
        })
    };
    vec![
        table(
            "host",
            Read::<HostVariable>::json_schema(generator),
            "Taken from this variable of the host's environment.",
        ),
        table(
            "ask",
            Read::<AskPrompt>::json_schema(generator),
            "Asked for on the terminal, without an echo.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_for_a_credential_is_a_token_that_steers_nothing() {
        let name: HeaderName = "X-Api-Key".parse().unwrap();
        assert_eq!(name.0, "x-api-key");
        assert!("authorization".parse::<HeaderName>().is_ok());
        for bad in [
            "",
            "x y",
            "x:y",
            "Host",
            "Content-Length",
            "transfer-encoding",
            "Connection",
            "proxy-authorization",
            "PROXY-x",
        ] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_question_is_one_printable_line() {
        assert!("Passwort für `x`?".parse::<AskPrompt>().is_ok());
        for bad in [
            "",
            " ",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            &"x".repeat(201),
        ] {
            assert!(bad.parse::<AskPrompt>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_basic_user_has_no_colon() {
        assert!("me".parse::<BasicUser>().is_ok());
        assert!("me:too".parse::<BasicUser>().is_err());
        assert!("me\n".parse::<BasicUser>().is_err());
    }
}
