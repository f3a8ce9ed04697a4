//! What the agent is told when its request does not go on: short, plain, and with the way to mend it.

use std::fmt::Write as _;

use bottle_contract::verdict::Reason;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};

use crate::gate::Refusal;
use crate::relay::{Failure, Kind, Phase, Relayed, Unanswered};

/// The body of an answer: ours, or the origin's on its way through.
pub(super) type Answer = Either<Full<Bytes>, Relayed>;

/// Tells programs why a request was refused, in one word.
const DENIED: HeaderName = HeaderName::from_static("x-bottle-denied");
/// Tells programs in which phase a permitted request failed, in one word.
const FAILED: HeaderName = HeaderName::from_static("x-bottle-failed");

/// Answers what the gate refused.
pub(super) fn refused(refusal: &Refusal) -> Response<Answer> {
    let status = match refusal.reason {
        // The policy allowed it; the phase that failed is the first one of the way.
        Reason::Unresolved => StatusCode::BAD_GATEWAY,
        Reason::Rate => StatusCode::TOO_MANY_REQUESTS,
        Reason::Malformed => StatusCode::BAD_REQUEST,
        Reason::NameMismatch => StatusCode::MISDIRECTED_REQUEST,
        Reason::Host
        | Reason::Port
        | Reason::Scheme
        | Reason::Method
        | Reason::Path
        | Reason::AmbiguousPath
        | Reason::GitFetch
        | Reason::GitPush
        | Reason::Address(_)
        | Reason::Secret
        | Reason::Placeholder
        | Reason::Canary
        | Reason::Token
        | Reason::Rule
        | Reason::Injection
        | Reason::Unscannable
        | Reason::Withdrawn
        | Reason::AuditUnavailable => StatusCode::FORBIDDEN,
    };
    let mut response = with_status(refusal, status);
    if refusal.reason == Reason::Rate {
        // By then there is room again for a second's worth.
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Answers what a listener rejected. The connection ends: its next bytes may not be what they seem.
pub(super) fn rejected(refusal: &Refusal, status: StatusCode) -> Response<Answer> {
    let mut response = with_status(refusal, status);
    if status == StatusCode::UPGRADE_REQUIRED {
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answers what got no answer from its origin.
fn failed(host: &str, failure: &Failure) -> Response<Answer> {
    let status = match failure.kind {
        Kind::Broken => StatusCode::BAD_GATEWAY,
        Kind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
    };
    let phase = match failure.phase {
        Phase::Connect => "connect",
        Phase::Tls => "tls",
        Phase::Response => "response",
    };
    let mut response = text(
        status,
        format!("bottle: no answer from {host}: {failure}\n"),
    );
    response
        .headers_mut()
        .insert(FAILED, HeaderValue::from_static(phase));
    response
}

/// Answers what got no answer from its origin, or was stopped on the way there.
pub(super) fn unanswered(host: &str, unanswered: &Unanswered) -> Response<Answer> {
    match unanswered {
        Unanswered::Failed(failure) => failed(host, failure),
        Unanswered::Stopped(refusal) => refused(refusal),
    }
}

/// Answers a stream of HTTP/2. It keeps its connection, where nothing hides between two requests.
pub(super) fn on_a_stream<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().remove(CONNECTION);
    response
}

/// Tells whether a request is a call of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Says in gRPC's own words what an answer of ours says: a client of it may look at nothing else,
/// and would take the text for a message. An origin's answer stays as it is.
pub(super) fn in_grpc(mut response: Response<Answer>) -> Response<Answer> {
    let headers = response.headers();
    let reason = headers.get(DENIED).or_else(|| headers.get(FAILED));
    let Some(reason) = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes())) else {
        return response;
    };
    let word = if headers.contains_key(DENIED) {
        "denied"
    } else {
        "no answer"
    };
    let message = HeaderValue::try_from(format!("bottle: {word} ({reason})"));
    let code = grpc_code(response.status());
    response
        .headers_mut()
        .insert("grpc-status", HeaderValue::from_static(code));
    if let Ok(message) = message {
        response.headers_mut().insert("grpc-message", message);
    }
    response
}

/// The codes that gRPC has for statuses of HTTP.
fn grpc_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "13",
        StatusCode::FORBIDDEN => "7",
        StatusCode::NOT_IMPLEMENTED => "12",
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => "14",
        _ => "2",
    }
}

/// Answers a CONNECT that may go on.
pub(super) fn connected() -> Response<Answer> {
    Response::new(Either::Left(Full::new(Bytes::new())))
}

/// Passes on that an origin agreed to a WebSocket.
pub(super) fn switched(agreed: Response<()>) -> Response<Answer> {
    agreed.map(|()| Either::Left(Full::new(Bytes::new())))
}

/// The same on a stream of HTTP/2, where nothing is switched and the key has no proof (RFC 8441).
pub(super) fn switched_on_a_stream(agreed: Response<()>) -> Response<Answer> {
    let mut response = switched(agreed);
    *response.status_mut() = StatusCode::OK;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        response.headers_mut().remove(name);
    }
    response
}

fn with_status(refusal: &Refusal, status: StatusCode) -> Response<Answer> {
    let mut response = text(status, explanation(refusal));
    response.headers_mut().insert(
        DENIED,
        HeaderValue::from_static(reason_word(refusal.reason)),
    );
    response
}

fn explanation(refusal: &Refusal) -> String {
    let mut out = format!("bottle: denied {}: {}\n", refusal.subject, refusal.reason);
    // Writing to a string cannot fail.
    if let Some(detail) = &refusal.detail {
        writeln!(out, "detail: {detail}").ok();
    }
    if refusal.reason == Reason::Unresolved {
        writeln!(out, "phase: resolve").ok();
    }
    if let Some(remedy) = &refusal.remedy {
        writeln!(out, "to allow it, add to the manifest:\n\n{remedy}").ok();
    }
    out
}

fn text(status: StatusCode, body: String) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// The reason in the word that the audit log uses.
fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "host",
        Reason::Port => "port",
        Reason::Scheme => "scheme",
        Reason::Method => "method",
        Reason::Path => "path",
        Reason::AmbiguousPath => "ambiguous-path",
        Reason::GitFetch => "git-fetch",
        Reason::GitPush => "git-push",
        Reason::NameMismatch => "name-mismatch",
        Reason::Address(_) => "address",
        Reason::Unresolved => "unresolved",
        Reason::Secret => "secret",
        Reason::Placeholder => "placeholder",
        Reason::Canary => "canary",
        Reason::Token => "token",
        Reason::Rule => "rule",
        Reason::Injection => "injection",
        Reason::Unscannable => "unscannable",
        Reason::Withdrawn => "withdrawn",
        Reason::Rate => "rate",
        Reason::Malformed => "malformed",
        Reason::AuditUnavailable => "audit-unavailable",
    }
}

#[cfg(test)]
mod tests {
    use bottle_contract::address::AddressClass;

    use super::*;

    #[test]
    fn the_words_are_those_of_the_log() {
        for reason in [
            Reason::Host,
            Reason::Port,
            Reason::Scheme,
            Reason::Method,
            Reason::Path,
            Reason::AmbiguousPath,
            Reason::GitFetch,
            Reason::GitPush,
            Reason::NameMismatch,
            Reason::Unresolved,
            Reason::Secret,
            Reason::Placeholder,
            Reason::Canary,
            Reason::Token,
            Reason::Rule,
            Reason::Injection,
            Reason::Unscannable,
            Reason::Withdrawn,
            Reason::Rate,
            Reason::Malformed,
            Reason::AuditUnavailable,
        ] {
            let word = serde_json::to_value(reason).unwrap();
            assert_eq!(word.as_str(), Some(reason_word(reason)));
        }
        let address = serde_json::to_value(Reason::Address(AddressClass::Private)).unwrap();
        assert!(
            address
                .get(reason_word(Reason::Address(AddressClass::Private)))
                .is_some()
        );
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_back() {
        let refusal = |reason| Refusal {
            reason,
            detail: None,
            subject: "GET api.test:443".to_owned(),
            remedy: None,
        };
        let answer = refused(&refusal(Reason::Rate));
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()[RETRY_AFTER], "1");
        let answer = refused(&refusal(Reason::Path));
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(!answer.headers().contains_key(RETRY_AFTER));
    }
}
