//! `--ulimit` (§2.1).

use std::collections::BTreeSet;

use crate::runtime::failure::Failure;

const TYPES: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// A resource limit of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The type, such as `nofile`.
    pub(crate) kind: String,
    /// The soft limit; `u64::MAX` is no limit.
    pub(crate) soft: u64,
    /// The hard limit.
    pub(crate) hard: u64,
}

/// Reads all limits; a type is named once.
pub(crate) fn limits(raw: &[String]) -> Result<Vec<Limit>, Failure> {
    let mut seen = BTreeSet::new();
    let mut limits = Vec::new();
    for text in raw {
        let limit = limit(text)?;
        if !seen.insert(limit.kind.clone()) {
            return Err(Failure::invalid(format!(
                "duplicate ulimit type: {}",
                limit.kind
            )));
        }
        limits.push(limit);
    }
    Ok(limits)
}

fn limit(text: &str) -> Result<Limit, Failure> {
    let shape = || {
        Failure::invalid(format!(
            "invalid ulimit format '{text}': expected <type>=<soft>[:<hard>]"
        ))
    };
    let (kind, values) = text.split_once('=').ok_or_else(shape)?;
    if kind.is_empty() || values.is_empty() {
        return Err(shape());
    }
    let kind = kind.to_ascii_lowercase();
    if !TYPES.contains(&kind.as_str()) {
        return Err(Failure::invalid(format!(
            "unsupported ulimit type '{kind}': valid types are {}",
            TYPES.join(", ")
        )));
    }
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (amount(soft, &kind)?, amount(hard, &kind)?);
    if soft > hard {
        return Err(Failure::invalid(format!(
            "ulimit '{kind}' soft limit ({soft}) cannot exceed hard limit ({hard})"
        )));
    }
    Ok(Limit { kind, soft, hard })
}

fn amount(text: &str, kind: &str) -> Result<u64, Failure> {
    match text.trim().to_ascii_lowercase().as_str() {
        "unlimited" | "-1" => Ok(u64::MAX),
        number => number.parse().map_err(|_| {
            Failure::invalid(format!(
                "invalid ulimit value '{text}' for '{kind}': must be a non-negative integer or \
                 'unlimited'"
            ))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Limit>, Failure> {
        limits(&[text.to_owned()])
    }

    #[test]
    fn a_limit_is_a_type_and_one_or_two_amounts() {
        let nofile = |soft, hard| Limit {
            kind: "nofile".to_owned(),
            soft,
            hard,
        };
        assert_eq!(read("nofile=1024:2048").unwrap(), [nofile(1024, 2048)]);
        assert_eq!(read("nofile=7").unwrap(), [nofile(7, 7)]);
        assert_eq!(read("nofile=7:unlimited").unwrap(), [nofile(7, u64::MAX)]);
        for bad in ["nofile", "nofile=", "x=1", "nofile=2:1", "nofile=a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(limits(&["nofile=1".into(), "NOFILE=2".into()]).is_err());
    }
}
