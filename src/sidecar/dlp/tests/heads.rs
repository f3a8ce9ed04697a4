//! Heads of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::fixture::{NEIGHBOUR, PLACEHOLDER, SECRET, detectors};
use crate::dlp::{Allowed, Finding, Head, Place, Tier};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn find(host: &str, target: &str, lines: &[(&str, &str)], allowed: &Allowed) -> Vec<Finding> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let headers = headers(lines);
    let head = Head {
        host,
        path,
        query,
        headers: &headers,
    };
    detectors().head(&head, allowed)
}

#[track_caller]
fn check(host: &str, target: &str, lines: &[(&str, &str)], expected: &[(Tier, Place)]) {
    let found = find(host, target, lines, &Allowed::none());
    let found: Vec<(Tier, Place)> = found.into_iter().map(|f| (f.tier, f.place)).collect();
    assert_eq!(found, expected, "{host} {target} {lines:?}");
}

#[test]
fn each_place_is_looked_at() {
    let lower = SECRET.to_lowercase().replace('_', "-");
    let other = NEIGHBOUR.to_lowercase().replace('_', "-");
    let value = |name: &str| Place::HeaderValue(name.to_owned());
    check(
        &format!("{lower}.example.com"),
        "/",
        &[],
        &[(Tier::Secret, Place::Host)],
    );
    check(&format!("{other}.example.com"), "/", &[], &[]);
    check(
        "a.test",
        &format!("/x/{SECRET}/y"),
        &[],
        &[(Tier::Secret, Place::Path)],
    );
    check("a.test", &format!("/x/{NEIGHBOUR}/y"), &[], &[]);
    check(
        "a.test",
        "/k9Xv%252d3mQ7%255fpL2wZ8rT5y",
        &[],
        &[(Tier::Secret, Place::Path)],
    );
    check(
        "a.test",
        &format!("/?q={SECRET}"),
        &[],
        &[(Tier::Secret, Place::Query)],
    );
    check("a.test", &format!("/?q={NEIGHBOUR}"), &[], &[]);
    check(
        "a.test",
        "/",
        &[("x-key", SECRET)],
        &[(Tier::Secret, value("x-key"))],
    );
    check("a.test", "/", &[("x-key", NEIGHBOUR)], &[]);
    check(
        "a.test",
        "/",
        &[("cookie", &format!("a=1; b={SECRET}"))],
        &[(Tier::Secret, value("cookie"))],
    );
    check(
        "a.test",
        "/",
        &[(&format!("x-{lower}"), "1")],
        &[(Tier::Secret, Place::HeaderName)],
    );
    check("a.test", "/", &[(&format!("x-{other}"), "1")], &[]);
    let token = "Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345";
    check(
        "a.test",
        "/",
        &[("authorization", token)],
        &[(Tier::Vendor, value("authorization"))],
    );
}

#[test]
fn basic_authentication_is_decoded() {
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let place = Place::HeaderValue("authorization".to_owned());
    let token = "x:ghp_0123456789abcdefghijABCDEFGHIJ012345";
    check(
        "a.test",
        "/",
        &[("authorization", &basic(&format!("u:{SECRET}")))],
        &[(Tier::Secret, place.clone())],
    );
    check(
        "a.test",
        "/",
        &[("authorization", &basic(token))],
        &[(Tier::Vendor, place.clone())],
    );
    check(
        "a.test",
        "/",
        &[("authorization", &basic("user:4q7z1"))],
        &[(Tier::Secret, place)],
    );
    check(
        "a.test",
        "/",
        &[("authorization", &basic(&format!("u:{NEIGHBOUR}")))],
        &[],
    );
}

#[test]
fn a_short_value_is_found_as_a_word() {
    let place = Place::HeaderValue("x-pin".to_owned());
    check(
        "a.test",
        "/",
        &[("x-pin", "4q7z1")],
        &[(Tier::Secret, place)],
    );
    check("a.test", "/", &[("x-pin", "a4q7z1")], &[]);
    check(
        "a.test",
        "/?pin=4q7z1&a",
        &[],
        &[(Tier::Secret, Place::Query)],
    );
    check("a.test", "/?pin=4q7z12", &[], &[]);
}

#[test]
fn what_is_allowed_may_stand_in_headers_only() {
    let allowed = Allowed::of(["stand-in"]);
    let line = format!("Bearer {PLACEHOLDER}");
    let basic = format!("Basic {}", STANDARD.encode(format!("u:{PLACEHOLDER}")));
    for value in [&line, &basic] {
        assert_eq!(
            find("a.test", "/", &[("authorization", value)], &allowed),
            []
        );
        assert_eq!(
            find("a.test", "/", &[("authorization", value)], &Allowed::none()).len(),
            1
        );
    }
    assert_eq!(
        find("a.test", &format!("/{PLACEHOLDER}"), &[], &allowed).len(),
        1
    );
    assert_eq!(find("a.test", "/", &[("x-a", SECRET)], &allowed).len(), 1);
}

#[test]
fn line_breaks_in_values_are_found() {
    let place = Place::HeaderValue("x-a".to_owned());
    for value in [
        "a%0d%0aX-Evil: 1",
        "a%0AX-Evil:1",
        "a%250d%250aX-Evil: 1",
        "%0d%0a%0d%0abody",
        "a%0a%0ab",
        "%0aGET / HTTP/1.1",
    ] {
        check(
            "a.test",
            "/",
            &[("x-a", value)],
            &[(Tier::Injection, place.clone())],
        );
    }
    for value in [
        "a%20b: c",
        "50% of it: x",
        "text%0awith a line",
        "{\"a\": \"x\\ny\"}",
    ] {
        check("a.test", "/", &[("x-a", value)], &[]);
    }
}

#[test]
fn an_ordinary_head_has_nothing() {
    check(
        "api.example.com",
        "/v1/messages?beta=true&cursor=ZXhhbXBsZTE",
        &[
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            ),
            ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("content-type", "application/json"),
            ("x-request-id", "6f1e1f5e-0c53-4a64-9d3a-6d1f0ad5e6f1"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            (
                "cookie",
                "theme=dark; lang=en%20US; consent=%7B%22a%22%3A1%7D",
            ),
        ],
        &[],
    );
}
