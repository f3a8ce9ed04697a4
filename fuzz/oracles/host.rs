//! Hosts: one spelling for each, and nothing that a resolver would take for an address.

use std::net::IpAddr;

use bottle_contract::host::{Host, HostPattern};

use crate::Outcome;

/// Reads a host, or a host and a pattern with a space between them.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else {
        return Outcome::Refused;
    };
    let (text, pattern) = match text.split_once(' ') {
        Some((host, pattern)) => (host, Some(pattern)),
        None => (text, None),
    };
    let Ok(host) = text.parse::<Host>() else {
        return Outcome::Refused;
    };
    check_spelling(text, &host);
    let Some(pattern) = pattern else {
        return Outcome::Accepted;
    };
    let Ok(read) = pattern.parse::<HostPattern>() else {
        return Outcome::Refused;
    };
    let again = read.to_string().parse::<HostPattern>();
    assert_eq!(again.as_ref(), Ok(&read), "{pattern:?}");
    let lower = pattern.to_ascii_lowercase();
    let plain = match lower.strip_prefix("*.") {
        Some(suffix) => {
            let name = host.to_string();
            !host.is_address() && name.len() > suffix.len() + 1 && name.ends_with(&lower[1..])
        }
        None => lower.parse() == Ok(host.clone()),
    };
    assert_eq!(read.matches(&host), plain, "{pattern:?} {host}");
    Outcome::Accepted
}

/// What was read is what stands there, but for upper case and the forms of one IPv6 address.
pub(crate) fn check_spelling(text: &str, host: &Host) {
    let shown = host.to_string();
    assert_eq!(shown.parse::<Host>().as_ref(), Ok(host), "{text:?}");
    match host {
        Host::Name(name) => {
            assert_eq!(*name, text.to_ascii_lowercase());
            assert!(
                !is_inet_aton(name),
                "{name} is an address to some resolvers"
            );
        }
        Host::Address(IpAddr::V4(v4)) => assert_eq!(v4.to_string(), text),
        Host::Address(IpAddr::V6(_)) => assert!(text.starts_with('[') && text.ends_with(']')),
    }
}

/// Tells whether C's `inet_aton` would take it: one to four numbers, decimal, octal or hexadecimal.
fn is_inet_aton(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| {
        let lower = part.to_ascii_lowercase();
        match lower.strip_prefix("0x") {
            Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_digit()),
        }
    };
    parts.len() <= 4 && parts.iter().all(number)
}
