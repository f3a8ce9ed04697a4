//! What `fuzz/` sees of the listener: its readers, without a connection around them.

use bottle_contract::host::Host;
use bottle_contract::intent::Intent;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method, Request};

use super::framing::{Scanner, header_line, request_line};
use super::intent;

/// A request head as the strict reader splits it. What is not UTF-8 has replacement characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
}

/// What the strict reader finds in a stream that comes in pieces: methods, or why it refuses.
pub fn heads(pieces: &[&[u8]]) -> Vec<Result<String, String>> {
    let mut scanner = Scanner::default();
    pieces
        .iter()
        .flat_map(|piece| scanner.read(piece))
        .map(|head| head.map(|head| head.method).map_err(|why| why.to_string()))
        .collect()
}

/// Splits the first head of a stream, if the strict reader finds it sound.
pub fn split(bytes: &[u8]) -> Option<Split> {
    let first = Scanner::default().read(bytes).into_iter().next()?;
    let found = first.ok()?;
    let text = String::from_utf8_lossy(bytes);
    let head = text.trim_start_matches("\r\n").split("\r\n\r\n").next()?;
    let mut lines = head.split("\r\n");
    let (method, target, version) = request_line(lines.next()?).ok()?;
    let headers: Option<Vec<_>> = lines
        .map(|line| header_line(line).ok())
        .map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    (method == found.method).then(|| Split {
        method: method.to_owned(),
        target: target.to_owned(),
        version: version.to_owned(),
        headers: headers.unwrap_or_default(),
    })
}

/// Reads a CONNECT to this target.
pub fn connect(target: &str, host: Option<&[u8]>) -> Option<(Host, u16)> {
    intent::connect(&parts(Method::CONNECT, target, host)?, None).ok()
}

/// Reads a request to the forward proxy for this URL.
pub fn forward(url: &str, host: Option<&[u8]>) -> Option<Intent> {
    intent::forward(&parts(Method::GET, url, host)?).ok()
}

fn parts(method: Method, target: &str, host: Option<&[u8]>) -> Option<Parts> {
    // No other target gets as far as this.
    request_line(&format!("{method} {target} HTTP/1.1")).ok()?;
    let mut request = Request::builder().method(method).uri(target);
    if let Some(host) = host {
        request = request.header(HOST, HeaderValue::from_bytes(host).ok()?);
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some(parts)
}
