//! Host names and the patterns that match them: bytes are validated before anything is compared.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::text::serde_as_text;

/// The longest DNS name in text form (RFC 1035, section 2.3.4, less the root's own byte).
const MAX_NAME: usize = 253;
/// The longest DNS label (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// A validated host: a lower-case DNS name, or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A DNS name in lower case, without a trailing dot.
    Name(String),
    /// An address in its one canonical form.
    Address(IpAddr),
}

/// What a route names: one host, or every name below a suffix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// This host only.
    Exact(Host),
    /// One or more labels below this name; never the name itself.
    Below(String),
}

/// Why a text is not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidHost {
    /// Nothing there.
    #[error("the host is empty")]
    Empty,
    /// Longer than DNS allows.
    #[error("the host is longer than 253 characters, or a label of it than 63")]
    TooLong,
    /// A byte outside letters, digits, `-`, `_` and `.`.
    #[error(
        "the host has a character that no host name has (write international names in their `xn--` form)"
    )]
    Character,
    /// An empty label, so also a leading or trailing dot.
    #[error("the host has an empty label (a leading, trailing or double dot)")]
    EmptyLabel,
    /// A label that starts or ends with a hyphen.
    #[error("a label of the host starts or ends with `-`")]
    Hyphen,
    /// A name that some resolvers read as an IPv4 address, such as `127.1` or `0x7f.1`.
    #[error("the host looks like an IPv4 address but is not one in four decimal numbers")]
    NumericName,
    /// Brackets that do not hold an IPv6 address.
    #[error("the brackets do not hold an IPv6 address")]
    Brackets,
    /// A wildcard anywhere but in front.
    #[error("`*` may only stand in front, as in `*.example.com`")]
    Wildcard,
}

impl Host {
    /// Tells whether this is an address and not a name.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::Address(_))
    }
}

impl HostPattern {
    /// Tells whether the pattern covers the host.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(wanted), host) => wanted == host,
            (Self::Below(suffix), Host::Name(name)) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            (Self::Below(_), Host::Address(_)) => false,
        }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(InvalidHost::Brackets)?;
            return inner
                .parse::<Ipv6Addr>()
                .map(|ip| Self::Address(ip.into()))
                .map_err(|_| InvalidHost::Brackets);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(ip.into()));
        }
        check_name(text)?;
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

fn check_name(text: &str) -> Result<(), InvalidHost> {
    if text.is_empty() {
        return Err(InvalidHost::Empty);
    }
    if text.len() > MAX_NAME {
        return Err(InvalidHost::TooLong);
    }
    for label in text.split('.') {
        check_label(label)?;
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    // The URL standard's "ends in a number" rule: `inet_aton` reads such names as addresses.
    let hex = last
        .get(..2)
        .is_some_and(|head| head.eq_ignore_ascii_case("0x"))
        && last.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit());
    if hex || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidHost::NumericName);
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), InvalidHost> {
    if label.is_empty() {
        return Err(InvalidHost::EmptyLabel);
    }
    if !label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return Err(InvalidHost::Character);
    }
    if label.len() > MAX_LABEL {
        return Err(InvalidHost::TooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(InvalidHost::Hyphen);
    }
    Ok(())
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(suffix) = text.strip_prefix("*.") else {
            if text.contains('*') {
                return Err(InvalidHost::Wildcard);
            }
            return text.parse().map(Self::Exact);
        };
        match suffix.parse()? {
            Host::Name(name) => Ok(Self::Below(name)),
            Host::Address(_) => Err(InvalidHost::Wildcard),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(IpAddr::V4(ip)) => write!(out, "{ip}"),
            Self::Address(IpAddr::V6(ip)) => write!(out, "[{ip}]"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(out, "{host}"),
            Self::Below(suffix) => write!(out, "*.{suffix}"),
        }
    }
}

serde_as_text!(Host);
serde_as_text!(HostPattern);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, InvalidHost>) {
        assert_eq!(
            text.parse::<Host>()
                .map(|host| host.to_string())
                .as_deref()
                .map_err(|err| *err),
            expected,
            "{text}"
        );
    }

    #[test]
    fn hosts_are_validated_and_lowered() {
        check("API.Example.COM", Ok("api.example.com"));
        check("xn--bcher-kva.example", Ok("xn--bcher-kva.example"));
        check("10.0.0.7", Ok("10.0.0.7"));
        check("[2001:DB8::1]", Ok("[2001:db8::1]"));
        check("", Err(InvalidHost::Empty));
        check("example.com.", Err(InvalidHost::EmptyLabel));
        check(".example.com", Err(InvalidHost::EmptyLabel));
        check("a..b", Err(InvalidHost::EmptyLabel));
        check("attacker.example\0.google.com", Err(InvalidHost::Character));
        check("user@example.com", Err(InvalidHost::Character));
        check("bücher.example", Err(InvalidHost::Character));
        check("example.com:443", Err(InvalidHost::Character));
        check("exam ple.com", Err(InvalidHost::Character));
        check("-a.example", Err(InvalidHost::Hyphen));
        check("127.1", Err(InvalidHost::NumericName));
        check("0x7f.0x1", Err(InvalidHost::NumericName));
        check("2130706433", Err(InvalidHost::NumericName));
        check("010.0.0.1", Err(InvalidHost::NumericName));
        check("256.1.1.1", Err(InvalidHost::NumericName));
        check("[::1", Err(InvalidHost::Brackets));
        check("[fe80::1%eth0]", Err(InvalidHost::Brackets));
        check(&"a".repeat(64), Err(InvalidHost::TooLong));
        check(
            &format!("{}.example", "a.".repeat(130)),
            Err(InvalidHost::TooLong),
        );
    }

    #[test]
    fn a_wildcard_covers_labels_below_and_not_the_name() {
        let pattern: HostPattern = "*.Example.com".parse().unwrap();
        for (host, expected) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("notexample.com", false),
            ("example.com.evil.test", false),
        ] {
            assert_eq!(pattern.matches(&host.parse().unwrap()), expected, "{host}");
        }
        assert_eq!("a.*.com".parse::<HostPattern>(), Err(InvalidHost::Wildcard));
        assert_eq!("*".parse::<HostPattern>(), Err(InvalidHost::Wildcard));
        assert_eq!(
            "*.10.0.0.1".parse::<HostPattern>(),
            Err(InvalidHost::Wildcard)
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_is_stable_and_plain(text in "\\PC{0,80}") {
            if let Ok(host) = text.parse::<Host>() {
                let shown = host.to_string();
                prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(shown.parse::<Host>().unwrap(), host);
            }
        }
    }
}
