//! Requests become intents: strict, pure, and the same for both ways in.

use std::net::SocketAddr;

use bottle_contract::host::Host;
use bottle_contract::intent::{Intent, InvalidUrl, Scheme, parse_authority};
use bottle_contract::path::{InvalidTarget, Target};
use bottle_contract::verdict::Reason;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, Uri};

use super::framing::Fault;
use crate::gate::{Rejected, Tunnel};
use crate::limits;
use crate::relay::BadHandshake;

/// What a listener refuses by itself, and with which status.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    pub(super) rejected: Rejected,
}

impl Rejection {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            rejected: Rejected::malformed(detail),
        }
    }

    fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    fn mismatch(status: StatusCode, detail: String) -> Self {
        let rejected = Rejected {
            reason: Reason::NameMismatch,
            ..Rejected::malformed(detail)
        };
        Self { status, rejected }
    }

    fn about(mut self, method: &Method, host: &Host, port: u16) -> Self {
        self.rejected.method = Some(method.to_string());
        self.rejected.host = Some(host.clone());
        self.rejected.port = Some(port);
        self
    }
}

impl From<InvalidUrl> for Rejection {
    fn from(error: InvalidUrl) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<BadHandshake> for Rejection {
    fn from(error: BadHandshake) -> Self {
        let status = match error {
            BadHandshake::Protocol | BadHandshake::Extended => StatusCode::NOT_IMPLEMENTED,
            BadHandshake::Version => StatusCode::UPGRADE_REQUIRED,
            BadHandshake::Request | BadHandshake::Connection | BadHandshake::Key => {
                StatusCode::BAD_REQUEST
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<InvalidTarget> for Rejection {
    fn from(error: InvalidTarget) -> Self {
        Self::bad(error.to_string())
    }
}

/// Refuses at once what no later step supports, so that nobody waits for it.
pub(super) fn supported(head: &Parts) -> Result<(), Rejection> {
    // An origin answers these with the request as it came, so with the credential that was put in.
    if ["TRACE", "TRACK"]
        .iter()
        .any(|echo| head.method.as_str().eq_ignore_ascii_case(echo))
    {
        return Err(Rejection::new(
            StatusCode::NOT_IMPLEMENTED,
            "`TRACE` is not supported: its answer would show what the sidecar put in",
        ));
    }
    let expectations = head.headers.get_all(EXPECT);
    if expectations
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(Rejection::new(
            StatusCode::EXPECTATION_FAILED,
            "the only `Expect` that is supported is `100-continue`",
        ));
    }
    Ok(())
}

/// Reads a request to the forward proxy: `GET http://host/path`.
pub(super) fn forward(head: &Parts) -> Result<Intent, Rejection> {
    let Some(authority) = head.uri.authority() else {
        return Err(Rejection::bad(
            "this is a proxy: ask for a whole URL such as `http://host/path`, or CONNECT for https",
        ));
    };
    let (host, port) = parse_authority(authority.as_str())?;
    if head.uri.scheme_str() != Some("http") {
        return Err(
            Rejection::bad("a whole URL must be `http://`; https goes through CONNECT").about(
                &head.method,
                &host,
                port.unwrap_or(443),
            ),
        );
    }
    let port = port.unwrap_or(Scheme::Http.default_port());
    let named = host_header(head, Scheme::Http)?;
    if named.is_some_and(|named| named != (host.clone(), port)) {
        let detail = "the Host header and the URL name different hosts".to_owned();
        return Err(Rejection::mismatch(StatusCode::BAD_REQUEST, detail).about(
            &head.method,
            &host,
            port,
        ));
    }
    intent(head, Scheme::Http, host, port)
}

/// Reads a request inside a tunnel: `GET /path` with the tunnel's host in `Host`.
pub(super) fn tunnelled(head: &Parts, tunnel: &Tunnel) -> Result<Intent, Rejection> {
    let (host, port) = (tunnel.host().clone(), tunnel.port());
    let mismatch = |what: &str| {
        let detail = format!("{what} does not name `{host}:{port}`, as CONNECT did");
        Rejection::mismatch(StatusCode::MISDIRECTED_REQUEST, detail).about(
            &head.method,
            &host,
            port,
        )
    };
    match host_header(head, Scheme::Https)? {
        Some(named) if named == (host.clone(), port) => {}
        Some(_) => return Err(mismatch("the Host header")),
        None => return Err(Rejection::bad("there is no Host header")),
    }
    if let Some(authority) = head.uri.authority() {
        let (named, named_port) = parse_authority(authority.as_str())?;
        let named_port = named_port.unwrap_or(Scheme::Https.default_port());
        if head.uri.scheme_str() != Some("https") || (&named, named_port) != (&host, port) {
            return Err(mismatch("the URL"));
        }
    }
    intent(head, Scheme::Https, host, port)
}

/// Reads a request in HTTP/2 inside a tunnel: the tunnel's host in `:authority`, in `Host`, or in both.
pub(super) fn stream(head: &Parts, tunnel: &Tunnel) -> Result<Intent, Rejection> {
    let (host, port) = (tunnel.host().clone(), tunnel.port());
    let names_tunnel = |text: &str, what: &str| -> Result<(), Rejection> {
        let (named, named_port) = parse_authority(text)?;
        let named_port = named_port.unwrap_or(Scheme::Https.default_port());
        if (&named, named_port) == (&host, port) {
            return Ok(());
        }
        let detail = format!("{what} does not name `{host}:{port}`, as CONNECT did");
        let mismatch = Rejection::mismatch(StatusCode::MISDIRECTED_REQUEST, detail);
        Err(mismatch.about(&head.method, &host, port))
    };
    fields(head)?;
    if head
        .uri
        .scheme_str()
        .is_some_and(|scheme| scheme != "https")
    {
        return Err(
            Rejection::bad("the `:scheme` inside TLS must be `https`").about(
                &head.method,
                &host,
                port,
            ),
        );
    }
    let authority = head.uri.authority().map(Authority::as_str);
    let named = header_text(head)?;
    if authority.is_none() && named.is_none() {
        return Err(Rejection::bad("there is no `:authority`"));
    }
    authority.map_or(Ok(()), |text| names_tunnel(text, "the `:authority`"))?;
    named.map_or(Ok(()), |text| names_tunnel(text, "the Host header"))?;
    intent(head, Scheme::Https, host.clone(), port)
}

/// Checks the fields of a request in HTTP/2 as strictly as the lines of one in HTTP/1.1. The library
/// has refused those that belong to a connection, and those that are out of order or not in lower case.
fn fields(head: &Parts) -> Result<(), Rejection> {
    let headers = &head.headers;
    if headers.len() > limits::HEADER_LINES {
        return Err(Rejection::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Fault::TooManyLines.to_string(),
        ));
    }
    if headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(Rejection::bad(Fault::SeveralHosts.to_string()));
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let plain = lengths.next().is_none_or(|length| {
        let digits = length.as_bytes();
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    if !plain || lengths.next().is_some() {
        return Err(Rejection::bad(Fault::Length.to_string()));
    }
    if [CONNECTION, TRANSFER_ENCODING, UPGRADE]
        .iter()
        .any(|name| headers.contains_key(name))
    {
        return Err(Rejection::bad(
            "a field belongs to a connection of HTTP/1.1",
        ));
    }
    Ok(())
}

/// Reads a CONNECT: `host:port`, and a Host header that says the same where there is one. Older
/// versions of node's undici put there the proxy that they talk to, `own`; it leads nowhere else.
pub(super) fn connect(head: &Parts, own: Option<SocketAddr>) -> Result<(Host, u16), Rejection> {
    // A whole URL has an authority too, and its other parts would be dropped.
    let authority = match (head.uri.scheme(), head.uri.authority()) {
        (None, Some(authority)) => authority.as_str(),
        (None, None) | (Some(_), _) => "",
    };
    let (host, Some(port)) = parse_authority(authority)? else {
        return Err(Rejection::bad("CONNECT needs a host and a port"));
    };
    if let Some(text) = header_text(head)? {
        let (named, named_port) = parse_authority(text)?;
        let own = own.is_some_and(|own| {
            (&named, named_port) == (&Host::Address(own.ip()), Some(own.port()))
        });
        let same = named == host && named_port.is_none_or(|named| named == port);
        if !same && !own {
            let detail = "the Host header and CONNECT name different hosts".to_owned();
            return Err(Rejection::mismatch(StatusCode::BAD_REQUEST, detail).about(
                &head.method,
                &host,
                port,
            ));
        }
    }
    Ok((host, port))
}

fn intent(head: &Parts, scheme: Scheme, host: Host, port: u16) -> Result<Intent, Rejection> {
    let method =
        head.method
            .as_str()
            .parse()
            .map_err(|err: bottle_contract::intent::InvalidMethod| {
                Rejection::bad(err.to_string()).about(&head.method, &host, port)
            })?;
    let target =
        target(&head.uri).map_err(|err| Rejection::from(err).about(&head.method, &host, port))?;
    Ok(Intent {
        scheme,
        method,
        host,
        port,
        target,
    })
}

fn target(uri: &Uri) -> Result<Target, InvalidTarget> {
    let text = uri.path_and_query().map_or("/", |text| text.as_str());
    if text.starts_with('?') {
        format!("/{text}").parse()
    } else {
        text.parse()
    }
}

fn host_header(head: &Parts, scheme: Scheme) -> Result<Option<(Host, u16)>, Rejection> {
    let Some(text) = header_text(head)? else {
        return Ok(None);
    };
    let (host, port) = parse_authority(text)?;
    Ok(Some((host, port.unwrap_or(scheme.default_port()))))
}

fn header_text(head: &Parts) -> Result<Option<&str>, Rejection> {
    head.headers
        .get(HOST)
        .map(|value| {
            value
                .to_str()
                .map_err(|_| Rejection::bad("the Host header is not plain text"))
        })
        .transpose()
}
