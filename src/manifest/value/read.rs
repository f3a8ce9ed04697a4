//! How values are read: spans are kept, and a text that does not parse is blamed where it stands.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use bottle_contract::host::HostPattern;
use bottle_contract::id::Name;
use bottle_contract::intent::Method;
use bottle_contract::path::PathPattern;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A value and the bytes of the file in which it stands. Compared by the value alone.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// A value that is written as text and read by its `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read<T>(pub(crate) T);

/// A type that stands in a manifest as text in quotes.
pub(crate) trait Text: FromStr<Err: fmt::Display> {
    /// What is expected where something else stands.
    const EXPECTED: &'static str;
    /// A regular expression for editors, where one says more than "text".
    const PATTERN: Option<&'static str> = None;
}

impl Text for Name {
    const EXPECTED: &'static str = "a kebab-case name in quotes";
    const PATTERN: Option<&'static str> = Some("^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
}

impl Text for HostPattern {
    const EXPECTED: &'static str = "a host in quotes, such as \"api.example.com\"";
}

impl Text for PathPattern {
    const EXPECTED: &'static str = "a path in quotes, such as \"/v1/**\"";
    const PATTERN: Option<&'static str> = Some("^/");
}

impl Text for Method {
    const EXPECTED: &'static str = "a method in quotes, such as \"GET\"";
}

impl Text for IpAddr {
    const EXPECTED: &'static str = "an IP address in quotes";
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(Self {
            value: spanned.into_inner(),
            span,
        })
    }
}

impl<'de, T: Text> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is parsed inside the visitor: only then the parser knows which value is to blame.
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = Read<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Read).map_err(E::custom)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Text> JsonSchema for Read<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        match T::PATTERN {
            Some(pattern) => json_schema!({ "type": "string", "pattern": pattern }),
            None => json_schema!({ "type": "string" }),
        }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}
