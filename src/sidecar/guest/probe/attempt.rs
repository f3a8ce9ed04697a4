//! One attempt: what is sent, and how what comes back is read.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bottle_contract::probe::{Attempt, How, Origin, Outcome, TargetKind};
use rustix::io::Errno;

use super::dns;
use crate::guest::limits::ANSWER_BYTES;

/// What all attempts of one probe share.
pub(in crate::guest) struct Means<'a> {
    /// What is sent.
    pub(in crate::guest) token: &'a [u8],
    /// What resolvers are asked.
    pub(in crate::guest) query: &'a [u8],
    /// The interface for link-local addresses.
    pub(in crate::guest) link: Option<u32>,
    /// When the last answer is waited for.
    pub(in crate::guest) deadline: Instant,
}

impl Means<'_> {
    /// Returns the address as it is dialled from here: a link-local one that was asked for has no
    /// interface, or that of another machine.
    fn dialled(&self, attempt: &Attempt) -> SocketAddr {
        match (attempt.to, attempt.origin, self.link) {
            (SocketAddr::V6(mut to), Origin::Asked, Some(link))
                if to.ip().is_unicast_link_local() =>
            {
                to.set_scope_id(link);
                to.into()
            }
            (to, Origin::Asked | Origin::Found, _) => to,
        }
    }

    /// Returns what is left of the time; never nothing, which sockets take for "for ever".
    fn left(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    }
}

/// Makes one attempt. An error means that it could not be made, which says nothing about the way.
pub(in crate::guest) fn try_one(attempt: &Attempt, means: &Means<'_>) -> anyhow::Result<Outcome> {
    let to = means.dialled(attempt);
    let outcome = match (attempt.how, attempt.target) {
        (How::Tcp, TargetKind::Resolver) => tcp_query(to, means),
        (
            How::Tcp,
            TargetKind::Sidecar
            | TargetKind::Host
            | TargetKind::InternalGateway
            | TargetKind::EgressGateway
            | TargetKind::SidecarEgress
            | TargetKind::Outside,
        ) => tcp(to, means),
        (How::Udp, _) => datagram(to, means.token, means).map(|answer| Outcome::Answered {
            detail: format!("{} bytes", answer.len()),
        }),
        (How::Dns, _) => datagram(to, means.query, means).map(|answer| dns::meaning(&answer)),
    };
    outcome.or_else(meaning_of)
}

/// A connection that is made is proof enough; the token is for the other side's.
fn tcp(to: SocketAddr, means: &Means<'_>) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect_timeout(&to, means.left())?;
    stream.set_write_timeout(Some(means.left()))?;
    let detail = match stream.write_all(means.token) {
        Ok(()) => "connected".to_owned(),
        Err(error) => format!("connected, then: {error}"),
    };
    Ok(Outcome::Answered { detail })
}

/// Asks a resolver over TCP. The engine's own resolver inside the container takes
/// every connection, so there only an answer counts.
fn tcp_query(to: SocketAddr, means: &Means<'_>) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect_timeout(&to, means.left())?;
    stream.set_write_timeout(Some(means.left()))?;
    stream.set_read_timeout(Some(means.left()))?;
    match ask(&mut stream, means.query) {
        Ok(answer) => Ok(dns::meaning(&answer)),
        Err(_) if dns::is_local(to) => Ok(Outcome::Refused),
        Err(error) => Ok(Outcome::Answered {
            detail: format!("connected, then: {error}"),
        }),
    }
}

fn ask(stream: &mut TcpStream, query: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(&dns::framed(query))?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length)).min(ANSWER_BYTES);
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Sends a datagram twice, since one may get lost while the neighbour's address is found out.
fn datagram(to: SocketAddr, message: &[u8], means: &Means<'_>) -> io::Result<Vec<u8>> {
    let any = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.send(message)?;
    socket.set_read_timeout(Some(means.left() / 2 + Duration::from_millis(1)))?;
    match receive(&socket) {
        Err(error) if is_silence(&error) => {
            socket.send(message)?;
            socket.set_read_timeout(Some(means.left()))?;
            receive(&socket)
        }
        outcome => outcome,
    }
}

pub(super) fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; ANSWER_BYTES];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

pub(super) fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Says what an error tells about the way; one that tells nothing about it stays an error.
fn meaning_of(error: io::Error) -> anyhow::Result<Outcome> {
    if is_silence(&error) {
        return Ok(Outcome::Silent);
    }
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    match code {
        Some(Errno::CONNREFUSED | Errno::CONNRESET) => Ok(Outcome::Refused),
        // No route, no such address family here, or an address that cannot be dialled as it stands.
        Some(
            Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::HOSTDOWN
            | Errno::ADDRNOTAVAIL
            | Errno::AFNOSUPPORT
            | Errno::PERM
            | Errno::ACCESS
            | Errno::INVAL
            | Errno::NODEV
            | Errno::NXIO,
        ) => Ok(Outcome::Unreachable {
            error: error.to_string(),
        }),
        _ => Err(error).context("the system failed, not the network"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asked_link_local_address_is_dialled_on_the_own_interface() {
        let dialled = |to: &str, origin: Origin, link: Option<u32>| {
            let attempt = Attempt {
                target: TargetKind::Host,
                how: How::Tcp,
                to: to.parse().unwrap(),
                origin,
            };
            let means = Means {
                token: b"",
                query: b"",
                link,
                deadline: Instant::now(),
            };
            means.dialled(&attempt).to_string()
        };
        assert_eq!(
            dialled("[fe80::1]:9", Origin::Asked, Some(5)),
            "[fe80::1%5]:9"
        );
        assert_eq!(
            dialled("[fe80::1%2]:9", Origin::Asked, Some(5)),
            "[fe80::1%5]:9"
        );
        assert_eq!(
            dialled("[fe80::1%2]:9", Origin::Found, Some(5)),
            "[fe80::1%2]:9"
        );
        assert_eq!(dialled("[fe80::1]:9", Origin::Asked, None), "[fe80::1]:9");
        assert_eq!(
            dialled("[fd00::1]:9", Origin::Asked, Some(5)),
            "[fd00::1]:9"
        );
        assert_eq!(dialled("10.0.0.1:9", Origin::Asked, Some(5)), "10.0.0.1:9");
    }

    #[test]
    fn only_errors_of_the_network_count_as_a_closed_way() {
        let error = |code: Errno| io::Error::from_raw_os_error(code.raw_os_error());
        assert_eq!(
            meaning_of(error(Errno::CONNREFUSED)).unwrap(),
            Outcome::Refused
        );
        assert_eq!(meaning_of(error(Errno::TIMEDOUT)).unwrap(), Outcome::Silent);
        assert!(matches!(
            meaning_of(error(Errno::NETUNREACH)).unwrap(),
            Outcome::Unreachable { .. }
        ));
        for code in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS] {
            assert!(meaning_of(error(code)).is_err(), "{code}");
        }
    }
}
