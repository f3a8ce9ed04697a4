//! The witness on the host: it listens on every address, and knows which attempt arrived.
//!
//! What arrives here is a proof, whatever the attempt saw. It is also the origin that the bottle's own
//! route leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often the witness looks whether it should end.
const TICK: Duration = Duration::from_millis(50);
/// How long a connection may take to show its token.
const WAIT: Duration = Duration::from_millis(500);
/// How much of a connection or datagram is looked through.
const BYTES: usize = 4096;
/// How many ports are tried until one is free for TCP and UDP alike.
const PORTS_TRIED: usize = 16;
/// How many connections are served at a time: more than an attack opens.
const CONNECTIONS: usize = 256;
/// What the host's own attempts are called.
const SELF: &str = "self";

/// What arrived: from where, by the attempt's id.
pub(super) type Arrivals = BTreeMap<String, BTreeSet<IpAddr>>;

/// A listener on every address of the host, for as long as this lives.
#[derive(Debug)]
pub(super) struct Witness {
    port: u16,
    token: String,
    arrivals: Arc<Mutex<Arrivals>>,
    stop: Arc<AtomicBool>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

impl Witness {
    /// Begins to listen; `origin` is the address by which redirects lead back here.
    pub(super) fn open(token: &str, origin: IpAddr) -> anyhow::Result<Self> {
        let (tcp, udp) = bind().context("could not open a listener on the host")?;
        let port = tcp.local_addr()?.port();
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let arrivals = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            tcp,
            udp,
            guest: Arc::new(Guest {
                token: token.to_owned(),
                followed: format!("http://{}/{token}/followed", SocketAddr::new(origin, port)),
                arrivals: Arc::clone(&arrivals),
            }),
        };
        let ending = Arc::clone(&stop);
        thread::Builder::new()
            .name("witness".to_owned())
            .spawn(move || listener.run(&ending))?;
        Ok(Self {
            port,
            token: token.to_owned(),
            arrivals,
            stop,
        })
    }

    /// Returns the port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Returns what arrived so far, without what the host sent itself.
    pub(super) fn arrivals(&self) -> Arrivals {
        let mut arrivals = self.lock().clone();
        arrivals.remove(SELF);
        arrivals
    }

    /// Reaches itself from the host, by each address: an attempt that arrives nowhere says nothing of
    /// a witness that hears nothing.
    ///
    /// `is_ours` tells whether an address is the host's still: bridges come and go.
    pub(super) fn hears(
        &self,
        addresses: &[IpAddr],
        is_ours: &dyn Fn(IpAddr) -> bool,
    ) -> anyhow::Result<()> {
        let token = format!("{}/{SELF}", self.token);
        for address in addresses {
            let to = SocketAddr::new(*address, self.port);
            let reach = || -> io::Result<()> {
                TcpStream::connect_timeout(&to, WAIT)?.write_all(token.as_bytes())?;
                let any: IpAddr = match address {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                UdpSocket::bind((any, 0))?
                    .send_to(token.as_bytes(), to)
                    .map(drop)
            };
            match reach() {
                Err(error) if is_ours(*address) => {
                    return Err(error)
                        .with_context(|| format!("the host does not reach itself at {to}"));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let deadline = Instant::now() + WAIT * 4;
        let heard = || self.lock().get(SELF).is_some();
        while !addresses.is_empty() && !heard() {
            if Instant::now() >= deadline {
                bail!("the listener on the host hears nothing, not even the host itself");
            }
            thread::park_timeout(TICK);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes both families where the host has IPv6, else IPv4.
fn bind() -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORTS_TRIED {
        let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

struct Listener {
    tcp: TcpListener,
    udp: UdpSocket,
    guest: Arc<Guest>,
}

impl Listener {
    fn run(self, stop: &AtomicBool) {
        let open = Arc::new(());
        while !stop.load(Ordering::Acquire) {
            self.wait();
            while let Ok((stream, from)) = self.tcp.accept() {
                // Strangers may knock here too.
                if Arc::strong_count(&open) > CONNECTIONS {
                    continue;
                }
                let (guest, one) = (Arc::clone(&self.guest), Arc::clone(&open));
                let served = thread::Builder::new().spawn(move || {
                    // Whoever breaks off needs no answer.
                    guest.serve(stream, from.ip()).ok();
                    drop(one);
                });
                // Without a thread it is not served, and closed.
                drop(served);
            }
            let mut datagram = [0; BYTES];
            while let Ok((length, from)) = self.udp.recv_from(&mut datagram) {
                self.guest
                    .note(datagram.get(..length).unwrap_or_default(), from.ip());
            }
        }
    }

    fn wait(&self) {
        let mut ready = [
            PollFd::new(&self.tcp, PollFlags::IN),
            PollFd::new(&self.udp, PollFlags::IN),
        ];
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(TICK.subsec_nanos()),
        };
        // An interrupted or failed wait only means an early look.
        poll(&mut ready, Some(&tick)).ok();
    }
}

/// What each connection needs.
struct Guest {
    token: String,
    followed: String,
    arrivals: Arc<Mutex<Arrivals>>,
}

impl Guest {
    fn serve(&self, mut stream: TcpStream, from: IpAddr) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        let mut seen = Vec::new();
        let mut part = [0; BYTES];
        let complete = |seen: &[u8]| seen.windows(4).any(|end| end == b"\r\n\r\n");
        while seen.len() < BYTES && !complete(&seen) {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(length) => seen.extend_from_slice(part.get(..length).unwrap_or_default()),
            }
        }
        let id = self.note(&seen, from);
        if !complete(&seen) {
            return Ok(());
        }
        let (status, more) = match id.as_deref() {
            Some("redirect") => ("302 Found", format!("Location: {}\r\n", self.followed)),
            Some(_) | None => ("200 OK", String::new()),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\n{more}Content-Length: 8\r\nConnection: close\r\n\r\nwitness\n"
        )
    }

    /// Notes whose token is in these bytes.
    fn note(&self, bytes: &[u8], from: IpAddr) -> Option<String> {
        let text = String::from_utf8_lossy(bytes);
        let (_, rest) = text.split_once(&format!("{}/", self.token))?;
        let word = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
        let id: String = rest.chars().take_while(word).collect();
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals
            .entry(id.clone())
            .or_default()
            .insert(from.to_canonical());
        Some(id)
    }
}

/// Returns the host's address that its default route uses, or else the first one. Nothing is sent.
pub(super) fn origin(addresses: &[IpAddr]) -> anyhow::Result<IpAddr> {
    let routed = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Reserved for documentation: it is nobody's.
        socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    let first = || addresses.iter().copied().find(IpAddr::is_ipv4);
    routed()
        .ok()
        .filter(|address| !address.is_loopback())
        .or_else(first)
        .context("this host has no address but loopback, so there is nothing to be reached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_noted_by_its_attempt_and_nothing_else_is() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let witness = Witness::open("token", local).unwrap();
        witness.hears(&[local], &|_| true).unwrap();
        assert_eq!(witness.arrivals(), Arrivals::new());
        let ask = |path: &str| {
            let mut stream = TcpStream::connect((local, witness.port())).unwrap();
            write!(stream, "GET /{path} HTTP/1.1\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(ask("other/tcp-host").starts_with("HTTP/1.1 200"));
        assert_eq!(witness.arrivals(), Arrivals::new());
        assert!(ask("token/redirect").contains("/token/followed"));
        ask("token/tcp-host");
        let ids: Vec<String> = witness.arrivals().into_keys().collect();
        assert_eq!(ids, ["redirect", "tcp-host"]);
    }
}
