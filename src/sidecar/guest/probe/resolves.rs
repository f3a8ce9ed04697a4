//! `guest resolves`: asks whether names lead anywhere from here.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::surroundings::resolver;
use super::{attempt, dns};
use crate::guest::files::{read_if_there, under};
use crate::guest::limits::{RESOLVE_TRIES, RESOLVE_WAIT, RESOLVERS, SURROUNDINGS_BYTES};

/// Asks the resolvers of the system for an address of the name; fails when none knows one.
pub(in crate::guest) fn resolves(root: &Path, port: u16, name: &str) -> anyhow::Result<()> {
    let query = dns::query(name)?;
    let path = under(root, "/etc/resolv.conf");
    let text = read_if_there(&path, SURROUNDINGS_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let indexes = BTreeMap::new();
    let resolvers = text.lines().filter_map(|line| resolver(line, &indexes));
    let mut problems = Vec::new();
    for mut to in resolvers.take(RESOLVERS) {
        to.set_port(port);
        match ask(to, &query) {
            Ok(()) => return Ok(()),
            Err(error) => problems.push(format!("{}: {error:#}", to.ip())),
        }
    }
    if problems.is_empty() {
        bail!("`{}` names no resolver", path.display());
    }
    bail!("`{name}` does not resolve: {}", problems.join("; "));
}

fn ask(to: SocketAddr, query: &[u8]) -> anyhow::Result<()> {
    let any = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).context("cannot open a socket")?;
    socket.connect(to).context("no way there")?;
    socket.set_read_timeout(Some(RESOLVE_WAIT))?;
    for _ in 0..RESOLVE_TRIES {
        socket.send(query).context("cannot send")?;
        match attempt::receive(&socket) {
            Ok(answer) => return dns::record_in(&answer).map_err(anyhow::Error::msg),
            Err(error) if attempt::is_silence(&error) => {}
            Err(error) => return Err(error).context("cannot receive"),
        }
    }
    bail!("no answer")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::guest::files;

    /// A root folder whose resolvers are these.
    fn root(resolv_conf: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        let path = root.path().join("etc/resolv.conf");
        files::replace(&path, resolv_conf.as_bytes(), 0o644).unwrap();
        root
    }

    /// A resolver that keeps silent to some queries, then answers one with this code and number of records.
    fn server(silent: usize, code: u8, records: u8) -> (u16, JoinHandle<Vec<u8>>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let port = socket.local_addr().unwrap().port();
        let thread = thread::spawn(move || {
            let mut query = [0; 512];
            for _ in 0..silent {
                socket.recv_from(&mut query).unwrap();
            }
            let (length, from) = socket.recv_from(&mut query).unwrap();
            let mut reply = query[..length].to_vec();
            reply[2] = 0x81;
            reply[3] = 0x80 | code;
            reply[7] = records;
            socket.send_to(&reply, from).unwrap();
            query[..length].to_vec()
        });
        (port, thread)
    }

    #[test]
    fn a_name_with_an_address_resolves_and_others_say_why_not() {
        let root = root("# a comment\nsearch test\nnameserver 127.0.0.1\noptions edns0\n");
        for (code, records, expected) in [
            (0, 1, Ok(())),
            (0, 0, Err("it has no address")),
            (3, 0, Err("NXDOMAIN")),
            (5, 0, Err("REFUSED")),
            (2, 1, Err("SERVFAIL")),
        ] {
            let (port, thread) = server(0, code, records);
            let outcome = resolves(root.path(), port, "deb.example");
            assert_eq!(thread.join().unwrap(), dns::query("deb.example").unwrap());
            match expected {
                Ok(()) => outcome.unwrap(),
                Err(why) => assert_eq!(
                    outcome.unwrap_err().to_string(),
                    format!("`deb.example` does not resolve: 127.0.0.1: {why}")
                ),
            }
        }
    }

    #[test]
    fn a_lost_query_is_sent_again() {
        let root = root("nameserver 127.0.0.1\n");
        let (port, thread) = server(1, 0, 1);
        resolves(root.path(), port, "deb.example").unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn silence_ends_and_the_next_resolver_is_asked() {
        // One that hears and says nothing, at another address with the same port as one that answers.
        let (port, thread) = server(0, 0, 1);
        let mute = UdpSocket::bind(("127.0.0.2", port)).unwrap();
        let begin = Instant::now();
        let both = root("nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
        resolves(both.path(), port, "deb.example").unwrap();
        thread.join().unwrap();
        let only = root("nameserver 127.0.0.2\n");
        let error = resolves(only.path(), port, "deb.example").unwrap_err();
        assert!(
            error.to_string().ends_with("127.0.0.2: no answer"),
            "{error}"
        );
        assert!(begin.elapsed() < Duration::from_secs(20));
        drop(mute);
    }

    #[test]
    fn without_resolvers_nothing_resolves() {
        for root in [root("search test\n"), tempfile::tempdir().unwrap()] {
            let error = resolves(root.path(), 9, "deb.example").unwrap_err();
            assert!(error.to_string().contains("names no resolver"), "{error}");
        }
    }
}
