//! Origin servers of ours on the host, which keep every connection and every request.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::authority;
use super::wait::{DEADLINE, until};

/// What `/hello` answers.
pub(crate) const HELLO: &str = "hello from the origin\n";
/// How long a client may be silent.
const SILENCE: Duration = Duration::from_secs(20);
/// The longest head of a request.
const HEAD: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

/// An origin that listens on every address of the host, IPv4 and IPv6.
#[derive(Debug)]
pub(crate) struct Origin {
    port: u16,
    ca: String,
    kept: Arc<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    connections: Mutex<Vec<SocketAddr>>,
    requests: Mutex<Vec<Seen>>,
}

impl Origin {
    /// Starts an origin that is `api.test`, by TLS.
    pub(crate) fn tls() -> Self {
        let (ca, config) = authority::server("api.test");
        Self::start(ca, Some(config))
    }

    /// Starts an origin without TLS.
    pub(crate) fn plain() -> Self {
        Self::start(String::new(), None)
    }

    fn start(ca: String, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(anywhere()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Kept::default());
        let keep = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let peer = stream.peer_addr().map(unmapped);
                keep.connections.lock().unwrap().extend(peer);
                let (keep, tls) = (Arc::clone(&keep), tls.clone());
                // A client that breaks off is none of the origin's business.
                thread::spawn(move || serve(stream, tls, &keep).ok());
            }
        });
        Self { port, ca, kept }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the certificate (PEM) of the authority that vouches for it.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    /// Returns a URL by a host's name.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.ca.is_empty() { "http" } else { "https" };
        format!("{scheme}://api.test:{}{path}", self.port)
    }

    /// Returns the beginning of a route to it.
    pub(crate) fn route(&self, host: &str) -> String {
        format!(
            "[[egress.routes]]\nhost = \"{host}\"\nport = {}\naddress = \"{}\"\n",
            self.port,
            host_address()
        )
    }

    /// Returns the requests that arrived so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.kept.requests.lock().unwrap().clone()
    }

    /// Connects to it from the host, and returns every connection that arrived before that one.
    ///
    /// Connections are accepted in the order in which they were made, so none is missed.
    pub(crate) fn connections(&self) -> Vec<SocketAddr> {
        let control = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let local = control.local_addr().unwrap();
        until("the control connection arrives", DEADLINE, || {
            let kept = self.kept.connections.lock().unwrap();
            let at = kept.iter().position(|peer| *peer == local)?;
            Some(
                kept[..at]
                    .iter()
                    .filter(|peer| !peer.ip().is_loopback())
                    .copied()
                    .collect(),
            )
        })
    }
}

impl Seen {
    /// Returns every value of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// Every address of both families, or of the one that the machine has.
pub(super) fn anywhere() -> SocketAddr {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    match UdpSocket::bind(both) {
        Ok(_) => both,
        Err(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
    }
}

/// Returns the address of this host that its default route uses. Nothing is sent.
pub(crate) fn host_address() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // Reserved for documentation: the default route's, and nobody's.
    socket
        .connect((Ipv4Addr::new(198, 51, 100, 1), 9))
        .expect("this host has a default route");
    let address = socket.local_addr().unwrap().ip();
    assert!(!address.is_loopback(), "the default route is loopback");
    address
}

pub(super) fn unmapped(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, kept: &Kept) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let Some(config) = tls else {
        return answer(stream, kept);
    };
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    answer(&mut stream, kept)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn answer(mut stream: impl Read + Write, kept: &Kept) -> io::Result<()> {
    let seen = read_request(&mut stream)?;
    let (kind, body) = body(&seen);
    kept.requests.lock().unwrap().push(seen);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

fn body(seen: &Seen) -> (&'static str, String) {
    match seen.target.as_str() {
        "/hello" => ("text/plain", HELLO.to_owned()),
        // What a git server says first, with one branch.
        "/repo.git/info/refs?service=git-upload-pack" => (
            "application/x-git-upload-pack-advertisement",
            format!(
                "001e# service=git-upload-pack\n0000003d{} refs/heads/main\n0000",
                "1".repeat(40)
            ),
        ),
        other => ("text/plain", format!("{} {other}\n", seen.method)),
    }
}

fn read_request(stream: &mut impl Read) -> io::Result<Seen> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > HEAD {
            return Err(io::Error::other("the head is too long"));
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut lines = text.lines();
    let mut words = lines
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(str::to_owned);
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(Seen {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        headers,
    })
}
