//! URLs and authorities: what the proxy reads is what stands there, and what `bottle check` reads.

use bottle_contract::intent::{Intent, parse_authority, parse_url};
use bottle_sidecar::listen::fuzzing::{connect, forward};

use super::host::check_spelling;
use crate::Outcome;

/// Reads the target of a CONNECT; a second line is the Host header.
pub(crate) fn check_connect(input: &[u8]) -> Outcome {
    let Some((target, host)) = two_lines(input) else {
        return Outcome::Refused;
    };
    let Some((read, port)) = connect(target, host) else {
        return Outcome::Refused;
    };
    let (name, number) = target.rsplit_once(':').expect("a host and a port");
    check_spelling(name, &read);
    assert_eq!(number, port.to_string());
    assert_ne!(port, 0);
    if let Some(header) = host {
        let text = std::str::from_utf8(header).expect("a host is text");
        let (named, second) = parse_authority(text).expect("a host");
        assert_eq!(named, read, "{text:?}");
        assert!(second.is_none_or(|second| second == port), "{text:?}");
    }
    Outcome::Accepted
}

/// Reads the URL of a request to the forward proxy; a second line is the Host header.
pub(crate) fn check_forward(input: &[u8]) -> Outcome {
    let Some((url, host)) = two_lines(input) else {
        return Outcome::Refused;
    };
    let ours = parse_url(url);
    if let Ok((_, name, _, _)) = &ours {
        let shown = name.to_string();
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    }
    let Some(intent) = forward(url, host) else {
        return Outcome::Refused;
    };
    let Intent {
        scheme,
        method: _,
        host: name,
        port,
        target,
    } = intent;
    assert_eq!(ours, Ok((scheme, name, port, target)), "{url:?}");
    Outcome::Accepted
}

fn two_lines(input: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (first, second) = match end {
        Some(end) => (&input[..end], Some(&input[end + 1..])),
        None => (input, None),
    };
    Some((std::str::from_utf8(first).ok()?, second))
}
