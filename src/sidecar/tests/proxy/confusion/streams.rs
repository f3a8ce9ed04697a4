//! Requests of HTTP/2, each one change away from one that arrives.

/// A change of the fields of a request.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    /// Puts in another value.
    Set(&'static str, &'static str),
    /// Adds a field at the end.
    Add(&'static str, &'static str),
    /// Adds a field in front.
    Front(&'static str, &'static str),
    /// Leaves a field out.
    Drop(&'static str),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is answered, and the log has a denial.
    Refused,
    /// The stream or the connection ends.
    Broken,
}

/// What is refused, what arrives, and how it is refused.
pub(super) struct StreamRow {
    pub(super) name: &'static str,
    pub(super) refused: Edit,
    pub(super) arrives: Edit,
    pub(super) end: End,
}

const fn row(name: &'static str, refused: Edit, arrives: Edit, end: End) -> StreamRow {
    StreamRow {
        name,
        refused,
        arrives,
        end,
    }
}

/// Changes nothing that matters.
const NONE: Edit = Edit::Add("x-end", "1");
const HOST: Edit = Edit::Set(":authority", "api.test");
const PATH: Edit = Edit::Set(":path", "/v1/a");

pub(super) const STREAMS: &[StreamRow] = &[
    row(
        "another host",
        Edit::Set(":authority", "evil.test"),
        HOST,
        End::Refused,
    ),
    row(
        "another port",
        Edit::Set(":authority", "api.test:80"),
        Edit::Set(":authority", "api.test:443"),
        End::Refused,
    ),
    row(
        "a port beyond 16 bits",
        Edit::Set(":authority", "api.test:65979"),
        HOST,
        End::Refused,
    ),
    row(
        "a user",
        Edit::Set(":authority", "user@api.test"),
        HOST,
        End::Refused,
    ),
    row(
        "the host as a user",
        Edit::Set(":authority", "api.test@evil.test"),
        HOST,
        End::Refused,
    ),
    row(
        "a dot behind",
        Edit::Set(":authority", "api.test."),
        HOST,
        End::Refused,
    ),
    row(
        "a slash in the host",
        Edit::Set(":authority", "api.test/evil"),
        HOST,
        End::Broken,
    ),
    row(
        "a NUL in the host",
        Edit::Set(":authority", "api.test\0"),
        HOST,
        End::Broken,
    ),
    row(
        "an empty host",
        Edit::Set(":authority", ""),
        HOST,
        End::Broken,
    ),
    row("no host", Edit::Drop(":authority"), NONE, End::Refused),
    row(
        "another host in `host`",
        Edit::Add("host", "evil.test"),
        Edit::Add("host", "api.test"),
        End::Refused,
    ),
    row(
        "another scheme",
        Edit::Set(":scheme", "http"),
        Edit::Set(":scheme", "https"),
        End::Refused,
    ),
    row("no scheme", Edit::Drop(":scheme"), NONE, End::Broken),
    row("no method", Edit::Drop(":method"), NONE, End::Broken),
    row(
        "a method that no route has",
        Edit::Set(":method", "PUT"),
        Edit::Set(":method", "POST"),
        End::Refused,
    ),
    row(
        "a method in lower case",
        Edit::Set(":method", "get"),
        Edit::Set(":method", "GET"),
        End::Refused,
    ),
    row(
        "a request that is echoed",
        Edit::Set(":method", "TRACE"),
        Edit::Set(":method", "GET"),
        End::Refused,
    ),
    row(
        "a space in the method",
        Edit::Set(":method", "GET /"),
        Edit::Set(":method", "GET"),
        End::Broken,
    ),
    row("no path", Edit::Drop(":path"), NONE, End::Broken),
    row("an empty path", Edit::Set(":path", ""), PATH, End::Broken),
    row(
        "a path that no route has",
        Edit::Set(":path", "/v2/a"),
        PATH,
        End::Refused,
    ),
    row(
        "two dots",
        Edit::Set(":path", "/v1/../v2/a"),
        PATH,
        End::Refused,
    ),
    row(
        "an encoded slash",
        Edit::Set(":path", "/v1/a%2fb"),
        Edit::Set(":path", "/v1/a/b"),
        End::Refused,
    ),
    row(
        "a whole URL for a path",
        Edit::Set(":path", "https://evil.test/v1/a"),
        PATH,
        End::Broken,
    ),
    row(
        "an end of line in the path",
        Edit::Set(":path", "/v1/a HTTP/1.1\r\nx: y"),
        PATH,
        End::Broken,
    ),
    row(
        "a second method",
        Edit::Add(":method", "GET"),
        NONE,
        End::Broken,
    ),
    row(
        "a second path",
        Edit::Add(":path", "/v1/b"),
        NONE,
        End::Broken,
    ),
    row(
        "a second host",
        Edit::Add(":authority", "api.test"),
        NONE,
        End::Broken,
    ),
    row(
        "a field before the method",
        Edit::Front("x-end", "1"),
        NONE,
        End::Broken,
    ),
    row(
        "a pseudo-field that nobody knows",
        Edit::Add(":own", "1"),
        NONE,
        End::Broken,
    ),
    row("a status", Edit::Add(":status", "200"), NONE, End::Broken),
    row(
        "a protocol without CONNECT",
        Edit::Add(":protocol", "websocket"),
        NONE,
        End::Broken,
    ),
    row(
        "`connection`",
        Edit::Add("connection", "close"),
        NONE,
        End::Broken,
    ),
    row(
        "`transfer-encoding`",
        Edit::Add("transfer-encoding", "chunked"),
        NONE,
        End::Broken,
    ),
    row("`upgrade`", Edit::Add("upgrade", "h2c"), NONE, End::Broken),
    row(
        "`keep-alive`",
        Edit::Add("keep-alive", "1"),
        NONE,
        End::Broken,
    ),
    row(
        "`proxy-connection`",
        Edit::Add("proxy-connection", "close"),
        NONE,
        End::Broken,
    ),
    row(
        "another `te`",
        Edit::Add("te", "gzip"),
        Edit::Add("te", "trailers"),
        End::Broken,
    ),
    row(
        "settings of HTTP/2",
        Edit::Add("http2-settings", "AAMAAABk"),
        NONE,
        End::Refused,
    ),
    row(
        "a length that the body has not",
        Edit::Add("content-length", "5"),
        Edit::Add("content-length", "0"),
        End::Broken,
    ),
    row(
        "a length with a sign",
        Edit::Add("content-length", "+0"),
        Edit::Add("content-length", "0"),
        End::Broken,
    ),
    row(
        "a name in capitals",
        Edit::Add("X-End", "1"),
        NONE,
        End::Broken,
    ),
    row(
        "a space in a name",
        Edit::Add("x end", "1"),
        NONE,
        End::Broken,
    ),
    row(
        "a colon in a name",
        Edit::Add("x:end", "1"),
        NONE,
        End::Broken,
    ),
    row(
        "an end of line in a value",
        Edit::Add("x-end", "1\r\nx: 2"),
        NONE,
        End::Broken,
    ),
    row(
        "a line feed in a value",
        Edit::Add("x-end", "1\nx: 2"),
        NONE,
        End::Broken,
    ),
    row(
        "a NUL in a value",
        Edit::Add("x-end", "1\0"),
        NONE,
        End::Broken,
    ),
    row(
        "an expectation that nobody knows",
        Edit::Add("expect", "200-ok"),
        NONE,
        End::Refused,
    ),
];
