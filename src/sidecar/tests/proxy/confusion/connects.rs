//! Targets of CONNECT, with the header lines behind them; and what may open a tunnel.

use super::rows::{Row, row};

const GOOD: &str = "api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n";
const BARE: &str = "api.test:443 HTTP/1.1\r\n";

pub(super) const CONNECTS: &[Row] = &[
    row("another host", "evil.test:443 HTTP/1.1\r\n", BARE, 403),
    row("another port", "api.test:22 HTTP/1.1\r\n", BARE, 403),
    row("a proxy's port", "api.test:3128 HTTP/1.1\r\n", BARE, 403),
    row("this machine", "127.0.0.1:443 HTTP/1.1\r\n", BARE, 403),
    row("this machine in IPv6", "[::1]:443 HTTP/1.1\r\n", BARE, 403),
    row("no port", "api.test HTTP/1.1\r\n", BARE, 400),
    row("an empty port", "api.test: HTTP/1.1\r\n", BARE, 400),
    row("port zero", "api.test:0 HTTP/1.1\r\n", BARE, 400),
    row(
        "a port beyond 16 bits",
        "api.test:65979 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row(
        "a port with a zero in front",
        "api.test:0443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row(
        "a port with a sign",
        "api.test:+443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row("two ports", "api.test:443:443 HTTP/1.1\r\n", BARE, 400),
    row("a user", "user@api.test:443 HTTP/1.1\r\n", BARE, 400),
    row(
        "the host as a user",
        "api.test:443@evil.test:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row("a dot behind", "api.test.:443 HTTP/1.1\r\n", BARE, 400),
    row("a NUL", "api.test\0.evil.test:443 HTTP/1.1\r\n", BARE, 400),
    row(
        "a NUL, encoded",
        "api.test%00.evil.test:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row(
        "this machine in hex",
        "0x7f000001:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row(
        "brackets around a name",
        "[api.test]:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row(
        "a whole URL",
        "https://api.test:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row("a path", "api.test:443/v1 HTTP/1.1\r\n", BARE, 400),
    row(
        "a fragment",
        "evil.test:443#api.test:443 HTTP/1.1\r\n",
        BARE,
        400,
    ),
    row("only a path", "/v1 HTTP/1.1\r\n", BARE, 400),
    row(
        "another host in `Host`",
        "api.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n",
        GOOD,
        400,
    ),
    row(
        "another port in `Host`",
        "api.test:443 HTTP/1.1\r\nHost: api.test:80\r\n",
        GOOD,
        400,
    ),
    row(
        "a length",
        "api.test:443 HTTP/1.1\r\nContent-Length: 5\r\n",
        BARE,
        400,
    ),
    row(
        "chunks",
        "api.test:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        BARE,
        400,
    ),
];

/// How a tunnel is opened.
#[derive(Clone, Copy)]
pub(super) enum Opening {
    /// With these bytes, which are no TLS.
    Bytes(&'static str),
    /// With a handshake that names this host.
    Name(&'static str),
    /// With a handshake that names none.
    NoName,
}

/// What opens a tunnel and is refused; the twin of each is a handshake that names the host.
pub(super) const OPENINGS: &[(&str, Opening)] = &[
    (
        "a request in the clear",
        Opening::Bytes("GET /v1/a HTTP/1.1\r\nHost: api.test\r\n\r\n"),
    ),
    (
        "a tunnel in the tunnel",
        Opening::Bytes("CONNECT api.test:443 HTTP/1.1\r\n\r\n"),
    ),
    (
        "HTTP/2 in the clear",
        Opening::Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ),
    ("a secure shell", Opening::Bytes("SSH-2.0-OpenSSH_9.2\r\n")),
    (
        "a mail server's greeting",
        Opening::Bytes("EHLO api.test\r\n"),
    ),
    (
        "the header of a proxy",
        Opening::Bytes("PROXY TCP4 10.0.0.1 10.0.0.2 1 443\r\n"),
    ),
    (
        "an alert of TLS",
        Opening::Bytes("\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{28}"),
    ),
    (
        "data of TLS before a handshake",
        Opening::Bytes("\u{17}\u{3}\u{3}\0\u{5}hello"),
    ),
    (
        "a greeting of SSL 2",
        Opening::Bytes("\u{80}\u{2e}\u{1}\u{3}\u{1}\0\u{15}\0\0\0\u{10}{a*37}"),
    ),
    ("another host", Opening::Name("evil.test")),
    (
        "another host that a route names",
        Opening::Name("other.test"),
    ),
    ("no host", Opening::NoName),
];
