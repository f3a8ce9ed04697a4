//! The witness on the host's side of the wall: a listener that sees whether anything of the agent's arrives.
//!
//! A connection that arrives is a proof; an error message inside the agent's environment is only a hint.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// How long a connection may take to show its token.
const TOKEN_WAIT: Duration = Duration::from_millis(100);
/// How many arrivals are taken at a time: more than one probe makes.
const BATCH: usize = 256;
/// How many ports are tried until one is free for TCP and UDP alike.
const PORTS_TRIED: usize = 16;

/// A listener on every address of the host, open until it is asked for its result.
#[derive(Debug)]
pub(in crate::backends) struct Oracle {
    port: u16,
    /// The listener ends when this is closed.
    open: PipeWriter,
    arrivals: Receiver<SocketAddr>,
    thread: thread::JoinHandle<()>,
}

impl Oracle {
    /// Opens the listener on a port of the system's choosing, for TCP and UDP.
    pub(in crate::backends) fn open(token: &str) -> io::Result<Self> {
        let (tcp, udp) = bind()?;
        let port = tcp.local_addr()?.port();
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let (seen, arrivals) = mpsc::channel();
        let (closed, open) = io::pipe()?;
        let listener = Listener {
            tcp,
            udp,
            token: token.as_bytes().to_vec(),
            seen,
            closed,
        };
        let thread = thread::Builder::new()
            .name("oracle".to_owned())
            .spawn(move || listener.run())?;
        Ok(Self {
            port,
            open,
            arrivals,
            thread,
        })
    }

    /// Returns the port.
    pub(in crate::backends) fn port(&self) -> u16 {
        self.port
    }

    /// Closes the listener and returns from where the token arrived.
    pub(in crate::backends) fn close(self) -> Vec<SocketAddr> {
        drop(self.open);
        // A listener that panicked saw nothing more; what it saw before counts.
        self.thread.join().ok();
        self.arrivals.iter().collect()
    }
}

/// Lists the host's own addresses, loopback and link-local ones left out.
pub(crate) fn host_addresses() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    let mut addresses: Vec<IpAddr> = interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .filter(usable)
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn bind() -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORTS_TRIED {
        let tcp = bind_tcp()?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Takes both families where the host has IPv6, else IPv4.
fn bind_tcp() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).or_else(|_| TcpListener::bind(("0.0.0.0", 0)))
}

struct Listener {
    tcp: TcpListener,
    udp: UdpSocket,
    token: Vec<u8>,
    seen: Sender<SocketAddr>,
    /// Nobody writes to it: it is ready when its other end is closed.
    closed: PipeReader,
}

impl Listener {
    fn run(self) {
        loop {
            let ended = self.wait();
            // Also what arrived between the last look and the end.
            self.take();
            if ended {
                break;
            }
        }
    }

    /// Waits until something arrives, and tells whether it is the end.
    fn wait(&self) -> bool {
        let mut ready = [
            PollFd::new(&self.tcp, PollFlags::IN),
            PollFd::new(&self.udp, PollFlags::IN),
            PollFd::new(&self.closed, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) | Err(Errno::INTR) => {}
            // What arrives meanwhile waits in the kernel, and is taken at the end.
            Err(_) => {
                io::copy(&mut &self.closed, &mut io::sink()).ok();
                return true;
            }
        }
        let [.., closed] = &ready;
        !closed.revents().is_empty()
    }

    /// Takes what has arrived, at most so much at a time: strangers may knock here too.
    fn take(&self) {
        for _ in 0..BATCH {
            let Ok((stream, from)) = self.tcp.accept() else {
                break;
            };
            if self.shows_token(stream) {
                self.report(from);
            }
        }
        let mut datagram = [0; 512];
        for _ in 0..BATCH {
            let Ok((length, from)) = self.udp.recv_from(&mut datagram) else {
                break;
            };
            if datagram.get(..length) == Some(self.token.as_slice()) {
                self.report(from);
            }
        }
    }

    fn shows_token(&self, mut stream: TcpStream) -> bool {
        let mut text = vec![0; self.token.len()];
        stream.set_nonblocking(false).is_ok()
            && stream.set_read_timeout(Some(TOKEN_WAIT)).is_ok()
            && stream.read_exact(&mut text).is_ok()
            && text == self.token
    }

    fn report(&self, from: SocketAddr) {
        // The receiver lives until the thread has ended.
        self.seen.send(from).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_shows_the_token_is_reported_and_nothing_else() {
        let oracle = Oracle::open("token").unwrap();
        let to = ("127.0.0.1", oracle.port());
        let mut with = TcpStream::connect(to).unwrap();
        with.write_all(b"token").unwrap();
        let mut without = TcpStream::connect(to).unwrap();
        without.write_all(b"other").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.send_to(b"token", to).unwrap();
        udp.send_to(b"token2", to).unwrap();
        let from = [
            with.local_addr().unwrap().port(),
            udp.local_addr().unwrap().port(),
        ];
        let mut seen: Vec<u16> = oracle.close().iter().map(SocketAddr::port).collect();
        seen.sort_unstable();
        let mut expected = from.to_vec();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }
}
