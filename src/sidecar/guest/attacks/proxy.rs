//! Requests by which a proxy could be talked into more than its policy says.

use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use bottle_contract::attack::Tried;
use bottle_contract::probe::TargetKind;

use super::reach::random_name;
use super::rows::{Checked, Seen, row, stopped, through, unclear, worst};
use super::scene::Scene;
use crate::guest::limits::CONTROL_WAIT;

/// The longest answer that is read: the sidecar's own are short.
const ANSWER: usize = 64 * 1024;

/// Ways to write loopback that are a name to one reader and an address to another.
const NUMERIC: [&str; 7] = [
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "[::ffff:127.0.0.1]",
    "[::1]",
    "localhost",
];

/// What an end of the connection is called.
const ENDED: [io::ErrorKind; 3] = [
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::BrokenPipe,
];

/// The sidecar as a proxy.
#[derive(Debug)]
pub(super) struct Proxy;

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// Why it was denied, in the sidecar's word.
    pub(super) denied: Option<String>,
    /// In which phase a permitted request failed, in the sidecar's word.
    pub(super) failed: Option<String>,
    /// The rest.
    pub(super) body: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.status)?;
        if let Some(reason) = &self.denied {
            write!(out, " denied ({reason})")?;
        }
        if let Some(phase) = &self.failed {
            write!(out, " failed ({phase})")?;
        }
        Ok(())
    }
}

impl Proxy {
    /// Connects to the sidecar.
    pub(super) fn connect(scene: &Scene) -> io::Result<TcpStream> {
        let sidecar = scene
            .sidecar
            .ok_or_else(|| io::Error::other("no variable names the sidecar"))?;
        // It is there: what it does not answer must not be taken for an answer.
        let stream = TcpStream::connect_timeout(&sidecar, CONTROL_WAIT)?;
        stream.set_read_timeout(Some(CONTROL_WAIT))?;
        stream.set_write_timeout(Some(CONTROL_WAIT))?;
        Ok(stream)
    }

    /// Says these words and reads what comes back.
    pub(super) fn ask(scene: &Scene, words: &str) -> io::Result<Answer> {
        let mut stream = Self::connect(scene)?;
        stream.write_all(words.as_bytes())?;
        read(&mut stream)
    }

    /// The control: a plain request is understood and answered by the policy, or goes where it may.
    pub(super) fn control(scene: &Scene) -> Checked {
        let (host, expected) = match &scene.request.own {
            Some(own) => (own.authority(scene.request.witness_port), 200),
            None => (random_name(scene), 403),
        };
        let path = scene.token("control");
        let words = format!(
            "GET http://{host}/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        match Self::ask(scene, &words) {
            Ok(answer) if answer.status == expected => Ok(format!("a plain request: {answer}")),
            Ok(answer) => Err(format!("a plain request: {answer}")),
            Err(error) => Err(format!("a plain request: {error}")),
        }
    }
}

/// Reads one answer, up to the end of its body or of the connection.
pub(super) fn read(stream: &mut impl io::Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !complete(&bytes) && bytes.len() < ANSWER {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(part.get(..length).unwrap_or_default()),
            Err(_) if !bytes.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    parse(&String::from_utf8_lossy(&bytes))
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer in HTTP"))
}

/// Tells whether the head and the body that it announces are there.
fn complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(head, "content-length").and_then(|length| length.parse().ok());
    // A CONNECT that succeeded has no body.
    length.is_none_or(|length: usize| body.len() >= length)
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        denied: header(head, "x-bottle-denied"),
        failed: header(head, "x-bottle-failed"),
        body: body.to_owned(),
    })
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim().to_owned())
}

/// Judges what must be refused: only the sidecar's own refusal, or the end of the connection, is one.
pub(super) fn refused(what: &str, answer: io::Result<Answer>) -> Seen {
    match answer {
        Ok(answer) if answer.denied.is_some() || answer.status == 400 => {
            stopped(format!("{what}: {answer}"))
        }
        Ok(answer) if (400..500).contains(&answer.status) => stopped(format!("{what}: {answer}")),
        Ok(answer) => through(format!("{what}: {answer}")),
        Err(error) if ENDED.contains(&error.kind()) => {
            stopped(format!("{what}: the connection was ended"))
        }
        Err(error) => unclear(format!("{what}: {error}")),
    }
}

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let denied = random_name(scene);
    let control = Proxy::control(scene);
    let row = |id, seen| row(id, seen, control.clone());
    let mut rows = vec![
        row("proxy-host", connect(scene, [format!("{denied}:443")])),
        row(
            "proxy-absolute",
            get(scene, "proxy-absolute", [denied.clone()]),
        ),
        row("proxy-literal", literal(scene)),
        row("proxy-numeric", numeric(scene)),
        row("proxy-itself", itself(scene)),
        row("proxy-metadata", metadata(scene)),
        row("proxy-userinfo", userinfo(scene, &denied)),
        row(
            "proxy-dots",
            connect(scene, [format!("{denied}.:443"), format!("{denied}..:443")]),
        ),
        row("proxy-smuggling", smuggling(scene, &denied)),
    ];
    if let Some(own) = &scene.request.own {
        let port = scene.request.witness_port;
        let other = [22, 80, 443, port ^ 1].map(|port| own.authority(port));
        let host = own.authority(port);
        rows.push(row("proxy-port", connect(scene, other)));
        rows.push(row("proxy-host-header", host_header(scene, &host, &denied)));
        rows.push(row("proxy-h2c", h2c(scene, &host)));
        rows.push(row("proxy-redirect", redirect(scene, &host)));
    }
    rows
}

fn connect(scene: &Scene, places: impl IntoIterator<Item = String>) -> Seen {
    worst(places.into_iter().map(|place| {
        let words = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n");
        refused(&format!("CONNECT {place}"), Proxy::ask(scene, &words))
    }))
}

fn get(scene: &Scene, id: &str, hosts: impl IntoIterator<Item = String>) -> Seen {
    let path = scene.token(id);
    worst(hosts.into_iter().map(|host| {
        let name = host.rsplit('@').next().unwrap_or(&host);
        let words = format!(
            "GET http://{host}/{path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        );
        refused(&format!("GET http://{host}/"), Proxy::ask(scene, &words))
    }))
}

/// Every address that the witness listens on.
fn literal(scene: &Scene) -> Seen {
    let places: Vec<String> = scene
        .addresses(&[TargetKind::Host])
        .into_iter()
        .map(|address| SocketAddr::new(address, scene.request.witness_port).to_string())
        .collect();
    let id = "proxy-literal";
    worst([connect(scene, places.clone()), get(scene, id, places)])
}

fn numeric(scene: &Scene) -> Seen {
    let places = NUMERIC.map(|host| format!("{host}:{}", scene.request.witness_port));
    let id = "proxy-numeric";
    worst([connect(scene, places.clone()), get(scene, id, places)])
}

fn itself(scene: &Scene) -> Seen {
    let Some(sidecar) = scene.sidecar else {
        return unclear("no variable names the sidecar");
    };
    let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), sidecar.port());
    let places = [sidecar, loopback].map(|place| place.to_string());
    worst([
        connect(scene, places.clone()),
        get(scene, "proxy-itself", places),
    ])
}

fn metadata(scene: &Scene) -> Seen {
    let hosts = [
        "169.254.169.254",
        "metadata.google.internal",
        "[fd00:ec2::254]",
    ];
    let hosts = hosts.map(str::to_owned);
    worst([
        connect(scene, hosts.clone().map(|host| format!("{host}:80"))),
        get(scene, "proxy-metadata", hosts),
    ])
}

/// A permitted name, or one that looks like it, before an `@`.
fn userinfo(scene: &Scene, denied: &str) -> Seen {
    let lure = match &scene.request.own {
        Some(own) => own.authority(scene.request.witness_port),
        None => "example.com".to_owned(),
    };
    let hosts = [format!("{lure}@{denied}"), format!("{denied}@{lure}")];
    get(scene, "proxy-userinfo", hosts)
}

/// Two lengths: what one reader takes for a body is a second request to another.
fn smuggling(scene: &Scene, denied: &str) -> Seen {
    let host = match &scene.request.own {
        Some(own) => own.authority(scene.request.witness_port),
        None => denied.to_owned(),
    };
    let hidden = scene.token("proxy-smuggling");
    let words = format!(
        "POST http://{host}/{hidden} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://{denied}/ HTTP/1.1\r\nHost: {denied}\r\n\r\n"
    );
    // A second reading is only ruled out by the refusal of the whole.
    refused("two lengths", Proxy::ask(scene, &words))
}

fn host_header(scene: &Scene, host: &str, denied: &str) -> Seen {
    let path = scene.token("proxy-host-header");
    let words =
        format!("GET http://{host}/{path} HTTP/1.1\r\nHost: {denied}\r\nConnection: close\r\n\r\n");
    refused("Host names another host", Proxy::ask(scene, &words))
}

/// The upgrade must not happen; the request itself may go on without it.
fn h2c(scene: &Scene, host: &str) -> Seen {
    let words = format!(
        "GET http://{host}/plain HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    );
    match Proxy::ask(scene, &words) {
        Ok(answer) if answer.status == 101 => through("the proxy changed to HTTP/2"),
        Ok(answer) => stopped(format!("no upgrade: {answer}")),
        Err(error) => refused("an upgrade", Err(error)),
    }
}

/// The witness sends us on to an address of its own: only the agent may follow, and is denied then.
fn redirect(scene: &Scene, host: &str) -> Seen {
    let path = scene.token("redirect");
    let words =
        format!("GET http://{host}/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    match Proxy::ask(scene, &words) {
        Ok(answer) if (300..400).contains(&answer.status) => {
            stopped(format!("it is the agent's to follow: {answer}"))
        }
        Ok(answer) if answer.status == 200 => through(format!("it was followed: {}", answer.body)),
        Ok(answer) => unclear(format!("the redirect did not come: {answer}")),
        Err(error) => unclear(format!("the redirect did not come: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, denied: Option<&str>) -> Answer {
        Answer {
            status,
            denied: denied.map(str::to_owned),
            failed: None,
            body: String::new(),
        }
    }

    #[test]
    fn an_answer_is_read_to_the_end_that_it_announces() {
        let text =
            "HTTP/1.1 403 Forbidden\r\nX-Bottle-Denied: host\r\nContent-Length: 2\r\n\r\nno-more";
        let read = read(&mut text.as_bytes()).unwrap();
        assert_eq!((read.status, read.denied.as_deref()), (403, Some("host")));
        assert!(!complete(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"));
        assert!(complete(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(super::read(&mut &b"garbage"[..]).is_err());
    }

    #[test]
    fn only_a_refusal_is_one() {
        use bottle_contract::attack::Finding;
        let finding = |answer| refused("x", Ok(answer)).0;
        assert_eq!(finding(answer(403, Some("host"))), Finding::Stopped);
        assert_eq!(finding(answer(400, None)), Finding::Stopped);
        assert_eq!(finding(answer(200, None)), Finding::Through);
        assert_eq!(finding(answer(502, None)), Finding::Through);
        let silent = io::Error::from(io::ErrorKind::WouldBlock);
        assert_eq!(refused("x", Err(silent)).0, Finding::Unclear);
    }
}
