//! The ports of a route.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// One port, or a list of them; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Ports(pub(crate) Vec<u16>);

/// One port; a type of its own so that one in a list is blamed where it stands.
struct Port(u16);

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortsVisitor)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(PortVisitor)
    }
}

struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = Port;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a port, such as 443")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Port, E> {
        u16::try_from(number)
            .ok()
            .filter(|port| *port != 0)
            .map(Port)
            .ok_or_else(|| E::custom(format!("{number} is not a port; ports are 1 to 65535")))
    }
}

struct PortsVisitor;

impl<'de> Visitor<'de> for PortsVisitor {
    type Value = Ports;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a port or a list of ports, such as 443 or [443, 8443]")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Ports, E> {
        PortVisitor
            .visit_i64(number)
            .map(|port| Ports(vec![port.0]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ports, A::Error> {
        let mut ports = Vec::new();
        while let Some(Port(port)) = list.next_element()? {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        if ports.is_empty() {
            return Err(A::Error::custom(
                "the list of ports is empty; leave `port` out for the defaults",
            ));
        }
        Ok(Ports(ports))
    }
}

impl JsonSchema for Ports {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let port = json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 });
        json_schema!({ "anyOf": [port, { "type": "array", "items": port, "minItems": 1 }] })
    }
}
