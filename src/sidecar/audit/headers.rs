//! Headers as they may stand in a log: names, and values of what is no credential.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::mask::MASK;
use crate::limits::{AUDIT_HEADERS_BYTES, AUDIT_VALUE_BYTES};

/// Parts of names whose values are masked. Rather one too many: the log is kept, and read by others.
const SENSITIVE: [&str; 9] = [
    "auth",
    "cookie",
    "credential",
    "key",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];

/// What stands where something was cut off.
const CUT: &str = "…";

/// Returns names and values, those of credentials and of these names masked, within the bounds.
pub(super) fn shown(headers: &HeaderMap, masked: &[HeaderName]) -> Vec<(String, String)> {
    let mut room = AUDIT_HEADERS_BYTES;
    let mut shown = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let value = if is_sensitive(name, value, masked) {
            MASK.to_owned()
        } else {
            without_query(value)
        };
        let Some(left) = room.checked_sub(name.as_str().len() + value.len()) else {
            shown.push((CUT.to_owned(), CUT.to_owned()));
            break;
        };
        room = left;
        shown.push((name.as_str().to_owned(), value));
    }
    shown
}

fn is_sensitive(name: &HeaderName, value: &HeaderValue, masked: &[HeaderName]) -> bool {
    value.is_sensitive()
        || masked.contains(name)
        || SENSITIVE.iter().any(|part| name.as_str().contains(part))
}

/// A value may be a URL (`Referer`, `Location`), whose query is masked as that of a target is.
fn without_query(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let (text, tail) = match text.split_once('?') {
        Some((before, _)) if before.contains('/') => (before, format!("?{MASK}")),
        Some(_) | None => (&*text, String::new()),
    };
    match text.char_indices().find(|(at, _)| *at >= AUDIT_VALUE_BYTES) {
        Some((end, _)) => format!("{}{CUT}", text.get(..end).unwrap_or_default()),
        None => format!("{text}{tail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn check(name: &str, value: &str, expected: &str) {
        let masked = [HeaderName::from_static("x-ours")];
        let shown = shown(&headers(&[(name, value)]), &masked);
        assert_eq!(shown, [(name.to_owned(), expected.to_owned())]);
    }

    #[test]
    fn what_may_be_a_credential_is_masked_and_the_rest_is_not() {
        for name in [
            "authorization",
            "cookie",
            "set-cookie",
            "proxy-authorization",
            "x-api-key",
            "x-goog-api-key",
            "x-auth-token",
            "x-my-secret-thing",
            "private-token",
            "x-password",
            "mcp-session-id",
            "x-ours",
        ] {
            check(name, "hunter2", "***");
        }
        for (name, value) in [
            ("accept", "*/*"),
            ("user-agent", "curl/8"),
            ("content-type", "application/json"),
            ("sec-ch-ua-mobile", "?0"),
        ] {
            check(name, value, value);
        }
    }

    #[test]
    fn a_query_in_a_value_is_masked() {
        check(
            "referer",
            "https://a.test/x?code=hunter2",
            "https://a.test/x?***",
        );
        check("location", "/x?code=hunter2#y", "/x?***");
    }

    #[test]
    fn values_and_their_sum_have_a_bound() {
        check("a", &"x".repeat(256), &"x".repeat(256));
        check("a", &"x".repeat(257), &format!("{}…", "x".repeat(256)));
        let many: Vec<(String, String)> = (0..100)
            .map(|n| (format!("h{n}"), "x".repeat(200)))
            .collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let all = shown(&headers(&many), &[]);
        let sum: usize = all
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(sum < AUDIT_HEADERS_BYTES + 10, "{sum}");
        assert_eq!(all.last().unwrap().0, "…");
        assert!(all.len() > 30);
    }
}
