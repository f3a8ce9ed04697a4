//! One DNS query and its answer, as bytes.

use std::net::SocketAddr;

use anyhow::bail;
use bottle_contract::probe::Outcome;

/// The query's number. Its socket is connected, so no secret number has to keep strangers out.
const ID: [u8; 2] = [0xb0, 0x77];
/// "Recursion desired", one question, nothing else.
const HEADER_REST: [u8; 10] = [0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
/// Type A, class IN.
const QUESTION_END: [u8; 4] = [0, 1, 0, 1];

/// Builds the query for the address of a name.
pub(super) fn query(name: &str) -> anyhow::Result<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut bytes = [&ID[..], &HEADER_REST].concat();
    for label in name.split('.') {
        match u8::try_from(label.len()) {
            Ok(length @ 1..=63) => bytes.push(length),
            Ok(_) | Err(_) => bail!("`{name}` is not a name that DNS can be asked for"),
        }
        bytes.extend_from_slice(label.as_bytes());
    }
    if name.len() > 253 {
        bail!("`{name}` is not a name that DNS can be asked for");
    }
    bytes.push(0);
    bytes.extend_from_slice(&QUESTION_END);
    Ok(bytes)
}

/// Puts the length before a query, as TCP wants it.
pub(super) fn framed(query: &[u8]) -> Vec<u8> {
    let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), query].concat()
}

/// Says what an answer means.
///
/// "There is such a name" and "there is none" both mean that somebody who knows
/// the world was asked. The other codes are a resolver that keeps to itself.
pub(super) fn meaning(answer: &[u8]) -> Outcome {
    let [id0, id1, flags, code, ..] = answer else {
        return foreign();
    };
    if [*id0, *id1] != ID || flags & 0x80 == 0 {
        return foreign();
    }
    let detail = match code & 0x0f {
        0 => "NOERROR",
        3 => "NXDOMAIN",
        _ => return Outcome::Refused,
    };
    Outcome::Answered {
        detail: detail.to_owned(),
    }
}

fn foreign() -> Outcome {
    Outcome::Answered {
        detail: "an answer that is not to the question".to_owned(),
    }
}

/// Tells whether an address is a resolver inside this network namespace, whose open port leads nowhere by itself.
pub(super) fn is_local(resolver: SocketAddr) -> bool {
    resolver.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_the_bytes_of_the_standard() {
        let expected =
            b"\xb0\x77\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03abc\x04test\x00\x00\x01\x00\x01";
        assert_eq!(query("abc.test").unwrap(), expected);
        assert_eq!(query("abc.test.").unwrap(), expected);
        assert_eq!(framed(&[7, 8]), [0, 2, 7, 8]);
    }

    #[test]
    fn names_that_dns_cannot_hold_are_refused() {
        assert!(query(&"a".repeat(63)).is_ok());
        let long = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(62),
        ]
        .join(".");
        for bad in ["", ".", "a..b", &"a".repeat(64), &long] {
            assert!(query(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_are_read_by_their_code() {
        let answered = |detail: &str| Outcome::Answered {
            detail: detail.to_owned(),
        };
        for (answer, expected) in [
            (&[0xb0, 0x77, 0x81, 0x80][..], answered("NOERROR")),
            (&[0xb0, 0x77, 0x81, 0x83], answered("NXDOMAIN")),
            (&[0xb0, 0x77, 0x81, 0x82], Outcome::Refused),
            (&[0xb0, 0x77, 0x81, 0x85], Outcome::Refused),
            (&[0xb0, 0x77, 0x81, 0x84], Outcome::Refused),
            (&[0xb0, 0x78, 0x81, 0x82], foreign()),
            (&[0xb0, 0x77, 0x01, 0x82], foreign()),
            (&[0xb0], foreign()),
        ] {
            assert_eq!(meaning(answer), expected, "{answer:?}");
        }
    }
}
