//! Sizes and counts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::read::Text;

/// The units of a size and their bytes.
const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// The least memory: less, and no agent starts, on any engine.
const MIN_MEMORY: u64 = 16 << 20;

/// The most processes: the kernel's own bound on 64-bit machines (`PID_MAX_LIMIT`).
const MAX_PIDS: i64 = 4 << 20;

/// The fewest processes: our init, the agent, its tools, and the threads of the probe before them.
const MIN_PIDS: i64 = 64;

/// The most processors that anybody asks for; a bound on slips of the finger.
const MAX_CPUS: f64 = 1024.0;

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory(pub(crate) u64);

/// A number of processors, also a part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus(pub(crate) f64);

/// A number of processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pids(pub(crate) u32);

impl FromStr for Memory {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a size is a whole number with one of the units KiB, MiB, GiB, TiB, \
                             kB, MB, GB, TB, such as `2GiB`";
        let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(digits).unwrap_or_default();
        let unit = digits.trim_start_matches(' ');
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or(SHAPE)?;
        let number: u64 = number.parse().map_err(|_| SHAPE)?;
        let bytes = number.checked_mul(*factor).ok_or(SHAPE)?;
        // Engines take the size as a signed number.
        if i64::try_from(bytes).is_err() {
            return Err("the size is larger than any machine");
        }
        if bytes < MIN_MEMORY {
            return Err("the size is less than 16MiB, with which nothing starts");
        }
        Ok(Self(bytes))
    }
}

impl Text for Memory {
    const EXPECTED: &'static str = "a size with its unit in quotes, such as \"2GiB\"";
    const PATTERN: Option<&'static str> = Some("^[0-9]+ *([KMGT]iB|[kMGT]B)$");
}

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CpusVisitor)
    }
}

struct CpusVisitor;

impl Visitor<'_> for CpusVisitor {
    type Value = Cpus;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number of processors, such as 2 or 0.5")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cpus, E> {
        // Beyond 32 bits the value is out of range anyway.
        self.visit_f64(i32::try_from(number).map_or(f64::INFINITY, f64::from))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cpus, E> {
        if (0.01..=MAX_CPUS).contains(&number) {
            Ok(Cpus(number))
        } else {
            Err(E::custom(
                "the number of processors is not between 0.01 and 1024",
            ))
        }
    }
}

impl JsonSchema for Cpus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cpus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0.01, "maximum": MAX_CPUS })
    }
}

impl<'de> Deserialize<'de> for Pids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PidsVisitor)
    }
}

struct PidsVisitor;

impl Visitor<'_> for PidsVisitor {
    type Value = Pids;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number of processes, such as 4096")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Pids, E> {
        u32::try_from(number)
            .ok()
            .filter(|_| (MIN_PIDS..=MAX_PIDS).contains(&number))
            .map(Pids)
            .ok_or_else(|| E::custom("the number of processes is not between 64 and 4194304"))
    }
}

impl JsonSchema for Pids {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pids".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN_PIDS, "maximum": MAX_PIDS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        for (text, expected) in [
            ("16MiB", Some(16 << 20)),
            ("2GiB", Some(2 << 30)),
            ("2 GiB", Some(2 << 30)),
            ("2gib", Some(2 << 30)),
            ("500MB", Some(500_000_000)),
            ("1TiB", Some(1 << 40)),
            ("15MiB", None),
            ("2", None),
            ("2G", None),
            ("1.5GiB", None),
            ("-2GiB", None),
            ("GiB", None),
            ("", None),
            ("9000000TiB", None),
            ("99999999999999999999GiB", None),
        ] {
            let got = text.parse::<Memory>().ok().map(|memory| memory.0);
            assert_eq!(got, expected, "{text}");
        }
    }
}
