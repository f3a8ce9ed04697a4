//! One DNS query and its answer, as bytes.

use std::net::SocketAddr;

use anyhow::bail;
use bottle_contract::probe::Outcome;

/// The port of resolvers.
pub(in crate::guest) const DNS_PORT: u16 = 53;

/// The query's number. Its socket is connected, so no secret number has to keep strangers out.
const ID: [u8; 2] = [0xb0, 0x77];
/// "Recursion desired", one question, nothing else.
const HEADER_REST: [u8; 10] = [0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
/// Type A, class IN.
const QUESTION_END: [u8; 4] = [0, 1, 0, 1];

/// What comes from somebody who was not asked, or speaks something else.
const FOREIGN: &str = "an answer that is not to the question";

/// Builds the query for the address of a name.
pub(in crate::guest) fn query(name: &str) -> anyhow::Result<Vec<u8>> {
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
/// the world was asked. A few codes are a resolver that leads nowhere; what is
/// neither counts as a way out.
pub(super) fn meaning(answer: &[u8]) -> Outcome {
    let answered = |detail: &str| Outcome::Answered {
        detail: detail.to_owned(),
    };
    let declined = |detail: &str| Outcome::Declined {
        detail: detail.to_owned(),
    };
    match code(answer) {
        Some(0) => answered("NOERROR"),
        Some(1) => declined("FORMERR"),
        Some(2) => declined("SERVFAIL"),
        Some(3) => answered("NXDOMAIN"),
        Some(4) => declined("NOTIMP"),
        Some(5) => declined("REFUSED"),
        Some(other) => answered(&format!("response code {other}")),
        None => answered(FOREIGN),
    }
}

/// Tells whether an answer holds at least one record; if not, says what it is instead.
pub(super) fn record_in(answer: &[u8]) -> Result<(), String> {
    let records = answer.get(6..8).is_some_and(|count| count != [0, 0]);
    match (code(answer), meaning(answer)) {
        (Some(0), _) if records => Ok(()),
        (Some(0), _) => Err("it has no address".to_owned()),
        (_, Outcome::Answered { detail } | Outcome::Declined { detail }) => Err(detail),
        (_, Outcome::Refused | Outcome::Unreachable { .. } | Outcome::Silent) => {
            Err(FOREIGN.to_owned())
        }
    }
}

/// Returns the response code of an answer to our query.
fn code(answer: &[u8]) -> Option<u8> {
    match answer {
        [id0, id1, flags, code, ..] if [*id0, *id1] == ID && flags & 0x80 != 0 => Some(code & 0x0f),
        [..] => None,
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
        let declined = |detail: &str| Outcome::Declined {
            detail: detail.to_owned(),
        };
        for (answer, expected) in [
            (&[0xb0, 0x77, 0x81, 0x80][..], answered("NOERROR")),
            (&[0xb0, 0x77, 0x81, 0x81], declined("FORMERR")),
            (&[0xb0, 0x77, 0x81, 0x82], declined("SERVFAIL")),
            (&[0xb0, 0x77, 0x81, 0x83], answered("NXDOMAIN")),
            (&[0xb0, 0x77, 0x81, 0x84], declined("NOTIMP")),
            (&[0xb0, 0x77, 0x81, 0x85], declined("REFUSED")),
            (&[0xb0, 0x77, 0x81, 0x89], answered("response code 9")),
            (&[0xb0, 0x78, 0x81, 0x82], answered(FOREIGN)),
            (&[0xb0, 0x77, 0x01, 0x82], answered(FOREIGN)),
            (&[0xb0], answered(FOREIGN)),
        ] {
            assert_eq!(meaning(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn only_an_answer_with_a_record_is_an_address() {
        let answer = |code: u8, records: u8| [0xb0, 0x77, 0x81, 0x80 | code, 0, 1, 0, records];
        assert_eq!(record_in(&answer(0, 1)), Ok(()));
        for (answer, expected) in [
            (&answer(0, 0)[..], "it has no address"),
            (&answer(0, 1)[..7], "it has no address"),
            (&answer(3, 1), "NXDOMAIN"),
            (&answer(2, 1), "SERVFAIL"),
            (&answer(5, 0), "REFUSED"),
            (&answer(0, 1)[..3], FOREIGN),
        ] {
            assert_eq!(record_in(answer), Err(expected.to_owned()), "{answer:?}");
        }
    }
}
