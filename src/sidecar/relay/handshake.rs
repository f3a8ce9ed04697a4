//! The handshake of a WebSocket (RFC 6455, section 4): both halves are checked before frames flow.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;

use crate::headers::listed;

/// What every server appends to the key before it hashes it (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An agent's half of the handshake, found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    key: String,
    protocols: Vec<String>,
}

/// Why a request for another protocol is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadHandshake {
    /// It asks for something that is no WebSocket, such as `h2c`.
    #[error("the only `Upgrade` that is supported is `websocket`; h2c is not")]
    Protocol,
    /// It is a CONNECT in HTTP/2 for something else.
    #[error("the only `:protocol` that is supported is `websocket`")]
    Extended,
    /// It is no GET in HTTP/1.1, or it has a body.
    #[error("a WebSocket begins with a GET in HTTP/1.1 without a body")]
    Request,
    /// `Connection` does not list `Upgrade`.
    #[error("an `Upgrade` needs `Connection: Upgrade`")]
    Connection,
    /// The key is missing, there are two, or it is not 16 bytes.
    #[error("a WebSocket needs one `Sec-WebSocket-Key` of 16 bytes in base64")]
    Key,
    /// The version is not 13.
    #[error("the only WebSocket version that is supported is 13")]
    Version,
}

impl Handshake {
    /// Reads the handshake of a request; `None` where it does not ask for another protocol.
    pub fn of(head: &Parts) -> Result<Option<Self>, BadHandshake> {
        let headers = &head.headers;
        if headers.contains_key("http2-settings") {
            return Err(BadHandshake::Protocol);
        }
        if !headers.contains_key(UPGRADE) {
            return Ok(None);
        }
        let wanted = only(headers, &UPGRADE).ok_or(BadHandshake::Protocol)?;
        if !wanted.eq_ignore_ascii_case("websocket") {
            return Err(BadHandshake::Protocol);
        }
        let framed =
            headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        if head.method != Method::GET || head.version != Version::HTTP_11 || framed {
            return Err(BadHandshake::Request);
        }
        if !lists_upgrade(headers) {
            return Err(BadHandshake::Connection);
        }
        if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(BadHandshake::Version);
        }
        let key = only(headers, &SEC_WEBSOCKET_KEY)
            .filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16))
            .ok_or(BadHandshake::Key)?;
        let protocols = listed(headers, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned);
        Ok(Some(Self {
            key: key.to_owned(),
            protocols: protocols.collect(),
        }))
    }

    /// Reads a handshake in HTTP/2 (RFC 8441), which is a CONNECT for this protocol. It has no key, and
    /// gets one of ours: the origin is asked in HTTP/1.1.
    pub fn extended(head: &Parts, protocol: &str) -> Result<Self, BadHandshake> {
        if protocol != "websocket" {
            return Err(BadHandshake::Extended);
        }
        if only(&head.headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(BadHandshake::Version);
        }
        let mut key = [0; 16];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| BadHandshake::Key)?;
        let protocols = listed(&head.headers, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned);
        Ok(Self {
            key: STANDARD.encode(key),
            protocols: protocols.collect(),
        })
    }

    /// Puts the request for a WebSocket into headers that are about to go out. Extensions are not
    /// asked for, so that frames stay as RFC 6455 has them and can be read.
    pub(super) fn ask_in(&self, headers: &mut HeaderMap) {
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        // Base64 is always a value.
        if let Ok(key) = HeaderValue::try_from(self.key.as_str()) {
            headers.insert(SEC_WEBSOCKET_KEY, key);
        }
        agree_in(headers);
    }

    /// Checks the origin's half: the headers of its 101.
    pub(super) fn accepted_by(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let upgrade = only(headers, &UPGRADE).unwrap_or_default();
        let protocols: Vec<&str> = listed(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
        let offered = |protocol: &&str| self.protocols.iter().any(|one| one == protocol);
        if !upgrade.eq_ignore_ascii_case("websocket") || !lists_upgrade(headers) {
            Err("the origin switched to something that is no WebSocket")
        } else if only(headers, &SEC_WEBSOCKET_ACCEPT) != Some(self.proof().as_str()) {
            Err("the origin's `Sec-WebSocket-Accept` does not belong to the key")
        } else if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            Err("the origin uses a WebSocket extension that nobody asked for")
        } else if protocols.len() > 1 || !protocols.iter().all(offered) {
            Err("the origin uses a WebSocket subprotocol that nobody asked for")
        } else {
            Ok(())
        }
    }

    fn proof(&self) -> String {
        let text = format!("{}{GUID}", self.key);
        STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
    }
}

/// Puts in the headers by which either half of a handshake switches this one connection.
pub(super) fn agree_in(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

fn lists_upgrade(headers: &HeaderMap) -> bool {
    listed(headers, &CONNECTION).any(|option| option.eq_ignore_ascii_case("upgrade"))
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn check(changes: &[(&'static str, &[&str])], expected: Result<bool, BadHandshake>) {
        let request = Request::get("/").body(()).unwrap();
        let (mut head, ()) = request.into_parts();
        for (name, value) in [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-version", "13"),
        ] {
            head.headers.insert(name, value.parse().unwrap());
        }
        for (name, values) in changes {
            head.headers.remove(*name);
            for value in *values {
                head.headers.append(*name, value.parse().unwrap());
            }
        }
        let got = Handshake::of(&head).map(|handshake| handshake.is_some());
        assert_eq!(got, expected, "{changes:?}");
    }

    #[test]
    fn a_sound_handshake_is_read() {
        check(&[], Ok(true));
        check(&[("sec-websocket-protocol", &["chat, super"])], Ok(true));
        check(&[("upgrade", &[])], Ok(false));
    }

    #[test]
    fn anything_else_is_refused() {
        use BadHandshake::{Connection, Key, Protocol, Request, Version};
        for (name, values, fault) in [
            ("upgrade", &["h2c"][..], Protocol),
            ("upgrade", &["websocket, h2c"], Protocol),
            ("upgrade", &["websocket", "websocket"], Protocol),
            ("upgrade", &["TLS/1.0"], Protocol),
            ("http2-settings", &["AAMAAABkAAQ"], Protocol),
            ("content-length", &["0"], Request),
            ("transfer-encoding", &["chunked"], Request),
            ("connection", &["keep-alive"], Connection),
            ("connection", &[], Connection),
            ("sec-websocket-version", &["8"], Version),
            ("sec-websocket-version", &["13", "13"], Version),
            ("sec-websocket-version", &[], Version),
            ("sec-websocket-key", &[], Key),
            ("sec-websocket-key", &["short"], Key),
            ("sec-websocket-key", &[KEY, KEY], Key),
        ] {
            check(&[(name, values)], Err(fault));
        }
    }

    #[test]
    fn the_origins_half_must_fit() {
        let handshake = Handshake {
            key: KEY.to_owned(),
            protocols: vec!["chat".to_owned()],
        };
        let answer = |changes: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            agree_in(&mut headers);
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(ACCEPT));
            for (name, value) in changes {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            handshake.accepted_by(&headers)
        };
        assert_eq!(answer(&[]), Ok(()));
        assert_eq!(answer(&[("sec-websocket-protocol", "chat")]), Ok(()));
        for change in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-accept", KEY),
            ("sec-websocket-protocol", "other"),
            ("sec-websocket-protocol", "chat, chat"),
            ("sec-websocket-extensions", "permessage-deflate"),
        ] {
            assert!(answer(&[change]).is_err(), "{change:?}");
        }
    }
}
