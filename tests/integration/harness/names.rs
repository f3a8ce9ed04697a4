//! A resolver on the host that finds some names: for builds, whose steps ask for names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use super::origin::host_address;

/// An address that is nobody's (RFC 5737), for every name that is found.
const ANSWER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);
/// What `bottle` itself asks for.
const ALWAYS: &str = "example.com";

/// A resolver that serves as long as the tests run.
#[derive(Debug)]
pub(crate) struct Names {
    address: IpAddr,
}

impl Names {
    /// Serves the names that hold a word, on the host's own address; `None` when the port is not to be had.
    ///
    /// It refuses all others: a resolver that answered for any name would be a hole in the bottles
    /// of the tests beside this one.
    pub(crate) fn serve(word: &str) -> Option<Self> {
        let address = host_address();
        let socket = UdpSocket::bind(SocketAddr::new(address, 53)).ok()?;
        let word = word.to_owned();
        thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                if let Some(answer) = answer(&bytes[..length], &word) {
                    // Whoever asked may have gone.
                    let _sent = socket.send_to(&answer, from);
                }
            }
        });
        Some(Self { address })
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}

/// Answers a query for an IPv4 address; of another kind there is no data.
fn answer(query: &[u8], word: &str) -> Option<Vec<u8>> {
    let end = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
    let question = query.get(12..end)?;
    let name = name_of(question);
    let found = name == ALWAYS || name.contains(word);
    let addressed = found && question.ends_with(&[0, 1, 0, 1]);
    let mut answer = query.get(..2)?.to_vec();
    // A response with recursion, refused or not; one question, and perhaps one answer.
    let code = if found { 0x80 } else { 0x85 };
    answer.extend([0x81, code, 0, 1, 0, u8::from(addressed), 0, 0, 0, 0]);
    answer.extend(question);
    if addressed {
        // The question's name, type A, class IN, a minute, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(ANSWER.octets());
    }
    Some(answer)
}

fn name_of(question: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = question;
    while let Some((length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, next) = after.split_at(usize::from(*length).min(after.len()));
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = next;
    }
    labels.join(".")
}
