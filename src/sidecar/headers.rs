//! Which headers belong to one connection and never travel on (RFC 9110, section 7.6.1).

use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Tells whether a header is about the connection or the framing, so that only the sidecar sets it.
pub(crate) fn belongs_to_connection(name: &HeaderName) -> bool {
    is_hop_by_hop(name) || [HOST, CONTENT_LENGTH, EXPECT, TRAILER].contains(name)
}

/// Removes what ends at this hop, and whatever `Connection` names besides.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = listed(headers, &CONNECTION)
        .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
        .collect();
    let own: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name))
        .cloned()
        .collect();
    for name in named.into_iter().chain(own) {
        headers.remove(name);
    }
}

/// Headers by which some servers take another method, path, host or client than the request's own:
/// what was decided about must be what the origin does.
const OVERRIDES: [&str; 14] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
];

/// Removes from an agent's request what only the sidecar sets, and what would undo its decision.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    remove_spellings(headers, &OVERRIDES);
    for name in [HOST, CONTENT_LENGTH, EXPECT, TRAILER] {
        headers.remove(name);
    }
}

/// Removes headers by name, also where `_` stands for `-`: some servers read the two alike.
pub(crate) fn remove_spellings(headers: &mut HeaderMap, names: &[&str]) {
    let spelled: Vec<HeaderName> = headers
        .keys()
        .filter(|name| names.contains(&name.as_str().replace('_', "-").as_str()))
        .cloned()
        .collect();
    for name in spelled {
        headers.remove(name);
    }
}

/// Makes one cookie header of several: HTTP/2 lets an agent send one for each cookie, and HTTP/1.1
/// has one for all (RFC 9113, section 8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    // What was made of sound values is one.
    if let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}

/// Removes from an origin's response what ends here. Its length stays where it frames the body
/// (an answer to HEAD has one without a body), and goes where the chunks framed it.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    strip_hop_by_hop(headers);
    // It would send the agent to a protocol and port that nothing lets it reach.
    headers.remove(ALT_SVC);
}

/// What no trailer may be (RFC 9110, section 6.5.1): an origin that merges trailers with the headers
/// would take a name, a length, a credential or a condition from after the decision.
const NO_TRAILERS: [&str; 12] = [
    "accept",
    "age",
    "authorization",
    "cache-control",
    "cookie",
    "expires",
    "location",
    "max-forwards",
    "pragma",
    "range",
    "set-cookie",
    "www-authenticate",
];

/// Removes from the trailers of an agent's request what may only stand in front of a body, and the
/// headers in which credentials travel.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap, credentials: &[HeaderName]) {
    clean_request(trailers);
    remove_spellings(trailers, &NO_TRAILERS);
    let own: Vec<&str> = credentials.iter().map(HeaderName::as_str).collect();
    remove_spellings(trailers, &own);
    let named: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            ["content-", "if-", "sec-", "x-forwarded-"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .cloned()
        .collect();
    for name in named {
        trailers.remove(name);
    }
}

/// Returns what a request says its trailers will be, as far as they may be some: HTTP/1.1 sends no
/// others.
pub(crate) fn announced_trailers(
    headers: &HeaderMap,
    credentials: &[HeaderName],
) -> Option<HeaderValue> {
    let mut trailers: HeaderMap = listed(headers, &TRAILER)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .map(|name| (name, HeaderValue::from_static("")))
        .collect();
    clean_trailers(&mut trailers, credentials);
    let names: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| HeaderValue::try_from(names.join(", ")).ok())?
}

/// Tells whether the agent can take trailers.
pub(crate) fn takes_trailers(headers: &HeaderMap) -> bool {
    listed(headers, &TE).any(|coding| {
        let coding = coding.split(';').next().unwrap_or_default();
        coding.trim().eq_ignore_ascii_case("trailers")
    })
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE].contains(name)
        || name == "keep-alive"
        || name == "http2-settings"
        || name.as_str().starts_with("proxy-")
}

/// The items of a header that is a list, over all its lines.
pub(crate) fn listed<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn left(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_would_undo_the_decision_is_removed() {
        let mut cleaned = headers(&[
            ("x-http-method-override", "DELETE"),
            ("x_original_url", "/admin"),
            ("x-forwarded-host", "evil.test"),
            ("x-request-id", "7"),
        ]);
        clean_request(&mut cleaned);
        let left: Vec<&str> = cleaned.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-request-id"]);
    }

    #[test]
    fn what_belongs_to_the_connection_is_removed() {
        let mut request = headers(&[
            ("accept", "*/*"),
            ("connection", "close, X-Own"),
            ("connection", "x-second"),
            ("x-own", "1"),
            ("x-second", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("host", "a.test"),
            ("expect", "100-continue"),
            ("content-length", "3"),
        ]);
        clean_request(&mut request);
        assert_eq!(left(&request), ["accept"]);
    }

    #[test]
    fn a_response_keeps_its_length_unless_chunks_framed_it() {
        let mut response = headers(&[("content-length", "3"), ("alt-svc", "h3"), ("etag", "x")]);
        clean_response(&mut response);
        assert_eq!(left(&response), ["content-length", "etag"]);
        let mut response = headers(&[
            ("content-length", "3"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x-sum"),
        ]);
        clean_response(&mut response);
        assert_eq!(left(&response), ["trailer"]);
    }

    #[test]
    fn trailers_keep_what_may_come_late() {
        let mut trailers = headers(&[
            ("x-sum", "1"),
            ("grpc-status", "0"),
            ("authorization", "Bearer x"),
            ("x-key", "x"),
            ("x_key", "x"),
            ("host", "evil.test"),
            ("content-length", "5"),
            ("content-type", "text/plain"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a"),
            ("if-match", "a"),
            ("x-http-method-override", "PUT"),
            ("x-forwarded-for", "a"),
            ("proxy-authorization", "a"),
        ]);
        let own = [HeaderName::from_static("x-key")];
        clean_trailers(&mut trailers, &own);
        assert_eq!(left(&trailers), ["grpc-status", "x-sum"]);
        let announced = headers(&[("trailer", "X-Sum, Authorization"), ("trailer", "x-key")]);
        assert_eq!(announced_trailers(&announced, &own).unwrap(), "x-sum");
        let none = headers(&[("trailer", "Authorization")]);
        assert_eq!(announced_trailers(&none, &own), None);
    }

    #[test]
    fn trailers_are_taken_where_the_agent_says_so() {
        assert!(takes_trailers(&headers(&[("te", "gzip, Trailers")])));
        assert!(!takes_trailers(&headers(&[("te", "gzip")])));
        assert!(!takes_trailers(&headers(&[])));
    }
}
