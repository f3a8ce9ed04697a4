//! Where requests begin and end in a stream of bytes (RFC 9112), without any leniency.

use thiserror::Error;

use crate::limits;

/// A request head that was found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) host: Option<String>,
}

/// Why a request head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Fault {
    #[error("the request head is longer than {} bytes", limits::REQUEST_HEAD_BYTES)]
    TooLong,
    #[error("the request head has more than {} header lines", limits::HEADER_LINES)]
    TooManyLines,
    #[error("the request head has a carriage return, line feed or control byte on its own")]
    ControlByte,
    #[error("the request line is not a method, a target and `HTTP/1.1` or `HTTP/1.0`")]
    RequestLine,
    #[error("a header line is not a name, a colon and a value")]
    HeaderLine,
    #[error("there is no Host header")]
    NoHost,
    #[error("there is more than one Host header")]
    SeveralHosts,
    #[error("there is more than one Content-Length, or it is not a plain number")]
    Length,
    #[error("the Transfer-Encoding is not exactly `chunked`, or stands in HTTP/1.0")]
    Encoding,
    #[error("there is a Content-Length beside a Transfer-Encoding")]
    LengthAndEncoding,
    #[error("a CONNECT has no body")]
    ConnectBody,
}

/// Follows a stream through heads and bodies.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    /// The head or line that is being collected.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Body(u64),
    ChunkSize,
    /// With the two bytes after the data.
    ChunkData(u64),
    Trailers,
    /// Nothing more is understood, or meant to be.
    Opaque,
}

impl Scanner {
    /// Reads on, and returns the heads that ended in these bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Vec<Result<Head, Fault>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Opaque => return found,
                State::Head => self.read_head(bytes, &mut found),
                State::Body(left) => self.skip(bytes, left, State::Body, State::Head),
                State::ChunkData(left) => {
                    self.skip(bytes, left, State::ChunkData, State::ChunkSize)
                }
                State::ChunkSize => self.read_line(bytes, limits::CHUNK_LINE_BYTES, chunk_size),
                State::Trailers => self.read_line(bytes, limits::TRAILER_BYTES, trailer),
            };
        }
        found
    }

    fn read_head<'a>(
        &mut self,
        mut bytes: &'a [u8],
        found: &mut Vec<Result<Head, Fault>>,
    ) -> &'a [u8] {
        // Empty lines before a request are skipped, as RFC 9112, section 2.2 wants it. Half of one
        // may be held: nothing else that begins with a carriage return is a request.
        if self.held == b"\r"
            && let Some(rest) = bytes.strip_prefix(b"\n")
        {
            self.held.clear();
            bytes = rest;
        }
        if self.held.is_empty() {
            while let Some(rest) = bytes.strip_prefix(b"\r\n") {
                bytes = rest;
            }
        }
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let end = self
            .held
            .get(from..)
            .and_then(|tail| tail.windows(4).position(|four| four == b"\r\n\r\n"))
            .map(|at| from + at);
        let (result, rest) = match end {
            Some(end) if end <= limits::REQUEST_HEAD_BYTES => {
                let used = (end + 4).saturating_sub(before);
                let head = parse(self.held.get(..end).unwrap_or_default());
                (head, bytes.get(used..).unwrap_or_default())
            }
            None if self.held.len() <= limits::REQUEST_HEAD_BYTES => return &[],
            Some(_) | None => (Err(Fault::TooLong), &[][..]),
        };
        self.held.clear();
        match result {
            Ok((head, next)) => {
                self.state = next;
                found.push(Ok(head));
            }
            Err(fault) => {
                self.state = State::Opaque;
                found.push(Err(fault));
            }
        }
        rest
    }

    fn skip<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        more: fn(u64) -> State,
        then: State,
    ) -> &'a [u8] {
        let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
        self.state = if here == left {
            then
        } else {
            more(left - here)
        };
        usize::try_from(here)
            .ok()
            .and_then(|here| bytes.get(here..))
            .unwrap_or_default()
    }

    /// Collects one line and lets `next` read it. What is not understood ends the understanding:
    /// hyper refuses the body too, or the next request finds no head and is refused.
    fn read_line<'a>(
        &mut self,
        bytes: &'a [u8],
        limit: usize,
        next: fn(&[u8]) -> Option<State>,
    ) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        let (line, rest) = bytes.split_at_checked(used).unwrap_or((bytes, &[]));
        self.held.extend_from_slice(line);
        if self.held.len() > limit {
            self.state = State::Opaque;
        } else if end.is_some() {
            self.state = self
                .held
                .strip_suffix(b"\r\n")
                .and_then(next)
                .unwrap_or(State::Opaque);
            self.held.clear();
        }
        rest
    }
}

fn chunk_size(line: &[u8]) -> Option<State> {
    let digits = line.split(|byte| *byte == b';').next()?;
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some(if size == 0 {
        State::Trailers
    } else {
        State::ChunkData(size + 2)
    })
}

/// A trailer is a name, a colon and a value; the empty line ends the section.
fn trailer(line: &[u8]) -> Option<State> {
    if line.is_empty() {
        Some(State::Head)
    } else {
        line.contains(&b':').then_some(State::Trailers)
    }
}

/// What the header lines say about host and framing.
#[derive(Default)]
struct Seen<'a> {
    hosts: Vec<&'a str>,
    lengths: Vec<&'a str>,
    encodings: Vec<&'a str>,
}

fn parse(head: &[u8]) -> Result<(Head, State), Fault> {
    // A head is ASCII but for the values of headers, which nothing here reads as text.
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let (method, _, version) = request_line(lines.next().unwrap_or_default())?;
    let mut seen = Seen::default();
    for (number, line) in lines.enumerate() {
        if number >= limits::HEADER_LINES {
            return Err(Fault::TooManyLines);
        }
        let (name, value) = header_line(line)?;
        seen.note(name, value);
    }
    let host = match seen.hosts.as_slice() {
        [host] => Some((*host).to_owned()),
        [] if version == "HTTP/1.0" || method == "CONNECT" => None,
        [] => return Err(Fault::NoHost),
        [_, _, ..] => return Err(Fault::SeveralHosts),
    };
    let next = framing(&seen, version)?;
    let next = match (method, next) {
        ("CONNECT", State::Head) => State::Opaque,
        ("CONNECT", _) => return Err(Fault::ConnectBody),
        (_, next) => next,
    };
    let method = method.to_owned();
    Ok((Head { method, host }, next))
}

/// Reads the method, the target and the version.
pub(super) fn request_line(line: &str) -> Result<(&str, &str, &str), Fault> {
    if line.contains(|c: char| c.is_control()) {
        return Err(Fault::ControlByte);
    }
    let mut parts = line.split(' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version @ ("HTTP/1.1" | "HTTP/1.0")), None)
            if is_token(method) && is_target(target) =>
        {
            Ok((method, target, version))
        }
        _ => Err(Fault::RequestLine),
    }
}

/// Reads the name and the value.
pub(super) fn header_line(line: &str) -> Result<(&str, &str), Fault> {
    if line.contains(|c: char| c.is_ascii_control() && c != '\t') {
        return Err(Fault::ControlByte);
    }
    let (name, value) = line.split_once(':').ok_or(Fault::HeaderLine)?;
    if !is_token(name) {
        return Err(Fault::HeaderLine);
    }
    Ok((name, value.trim_matches([' ', '\t'])))
}

/// The `token` of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// A target has no fragment (RFC 9112, section 3.2), and what parses it later would drop one.
fn is_target(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    !text.is_empty() && text.bytes().all(plain)
}

impl<'a> Seen<'a> {
    fn note(&mut self, name: &str, value: &'a str) {
        if name.eq_ignore_ascii_case("host") {
            self.hosts.push(value);
        } else if name.eq_ignore_ascii_case("content-length") {
            self.lengths.push(value);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.encodings.push(value);
        }
    }
}

fn framing(seen: &Seen<'_>, version: &str) -> Result<State, Fault> {
    match (seen.lengths.as_slice(), seen.encodings.as_slice()) {
        ([], []) => Ok(State::Head),
        ([_, ..], [_, ..]) => Err(Fault::LengthAndEncoding),
        // A number of Rust's may have a sign, and a length has none.
        ([length], []) if !length.bytes().all(|byte| byte.is_ascii_digit()) => Err(Fault::Length),
        ([length], []) => match length.parse() {
            Ok(0) => Ok(State::Head),
            Ok(bytes) => Ok(State::Body(bytes)),
            Err(_) => Err(Fault::Length),
        },
        ([_, _, ..], []) => Err(Fault::Length),
        ([], [encoding]) if version == "HTTP/1.1" && encoding.eq_ignore_ascii_case("chunked") => {
            Ok(State::ChunkSize)
        }
        ([], [_, ..]) => Err(Fault::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(bytes: &[u8]) -> Vec<Result<String, Fault>> {
        Scanner::default()
            .read(bytes)
            .into_iter()
            .map(|head| head.map(|head| head.method))
            .collect()
    }

    fn check(text: &str, expected: &[Result<&str, Fault>]) {
        let got = scan(text.as_bytes());
        let got: Vec<_> = got
            .iter()
            .map(|head| head.as_deref().map_err(|fault| *fault))
            .collect();
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn sound_requests_follow_each_other() {
        check(
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /GET / HTTP/1.0\r\n\r\n",
            &[Ok("GET"), Ok("PUT"), Ok("GET")],
        );
        check(
            "\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n4;x=1\r\nGET \r\n0\r\nT: 1\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            &[Ok("POST"), Ok("HEAD")],
        );
        check(
            "CONNECT a:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &[Ok("CONNECT")],
        );
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        for (headers, fault) in [
            ("Host: a\r\nHost: a", Fault::SeveralHosts),
            ("X: a", Fault::NoHost),
            (
                "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
                Fault::LengthAndEncoding,
            ),
            (
                "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
                Fault::LengthAndEncoding,
            ),
            (
                "Host: a\r\nContent-Length: 1\r\nContent-Length: 2",
                Fault::Length,
            ),
            (
                "Host: a\r\nContent-Length: 1\r\nContent-Length: 1",
                Fault::Length,
            ),
            ("Host: a\r\nContent-Length: 1, 1", Fault::Length),
            ("Host: a\r\nContent-Length: +1", Fault::Length),
            ("Host: a\r\nContent-Length: +0", Fault::Length),
            ("Host: a\r\nContent-Length:", Fault::Length),
            (
                "Host: a\r\nTransfer-Encoding: gzip, chunked",
                Fault::Encoding,
            ),
            ("Host: a\r\nTransfer-Encoding: xchunked", Fault::Encoding),
            (
                "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Fault::Encoding,
            ),
            ("Host: a\r\nX: 1\n Y: 2", Fault::ControlByte),
            ("Host: a\r\nX: 1\nContent-Length: 2", Fault::ControlByte),
            ("Host: a\r\nX: 1\rY: 2", Fault::ControlByte),
            ("Host: a\0b", Fault::ControlByte),
            ("Host: a\r\n folded", Fault::HeaderLine),
            ("Host : a", Fault::HeaderLine),
            ("Host: a\r\nContent-Length\t: 1", Fault::HeaderLine),
        ] {
            check(
                &format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n"),
                &[Err(fault)],
            );
        }
    }

    #[test]
    fn a_request_line_that_could_be_read_in_two_ways_is_refused() {
        for line in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /",
            "GET / HTTP/2.0",
            "GET / http/1.1",
            "G(T / HTTP/1.1",
            "G\u{e9}T / HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET http://a#b HTTP/1.1",
        ] {
            check(
                &format!("{line}\r\nHost: a\r\n\r\n"),
                &[Err(Fault::RequestLine)],
            );
        }
        check(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            &[Err(Fault::Encoding)],
        );
        for before in ["\n", "\r", "\r\r\n", "\r\n\n"] {
            check(
                &format!("{before}GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                &[Err(Fault::ControlByte)],
            );
        }
        check(
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
            &[Err(Fault::ConnectBody)],
        );
    }

    #[test]
    fn nothing_is_understood_after_a_fault() {
        let sound = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        check(
            &format!("GET / HTTP/1.1\r\n\r\n{sound}"),
            &[Err(Fault::NoHost)],
        );
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for bad in [
            "5\n",
            "-1\r\n",
            " 5\r\n",
            "\r\n",
            "0x5\r\n",
            "fffffffffffffffff\r\n",
        ] {
            check(
                &format!("{chunked}{bad}hello\r\n0\r\n\r\n{sound}"),
                &[Ok("POST")],
            );
        }
    }

    #[test]
    fn heads_and_lines_have_a_bound() {
        let long = "a".repeat(limits::REQUEST_HEAD_BYTES);
        check(&format!("GET /{long} HTTP/1.1\r\n"), &[Err(Fault::TooLong)]);
        let lines = "X: 1\r\n".repeat(limits::HEADER_LINES);
        check(
            &format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"),
            &[Err(Fault::TooManyLines)],
        );
    }

    proptest! {
        /// However the bytes come in, the same heads are found.
        #[test]
        fn the_pieces_make_no_difference(cuts in prop::collection::vec(0usize..200, 0..12)) {
            let text = b"\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxyGET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            let mut rest = &text[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                found.extend(scanner.read(piece));
                rest = after;
            }
            found.extend(scanner.read(rest));
            prop_assert_eq!(found, Scanner::default().read(text));
        }
    }
}
