//! Request heads: the pieces make no difference, and `httparse` reads what we read.

use bottle_sidecar::listen::fuzzing::{Split, heads, split};

use crate::Outcome;

/// The most header lines, in ours and so in the other reader.
const LINES: usize = bottle_sidecar::limits::HEADER_LINES;

/// Reads a stream whole and in pieces; the first byte says how large those are.
pub(crate) fn check_pieces(input: &[u8]) -> Outcome {
    let Some((size, stream)) = input.split_first() else {
        return Outcome::Refused;
    };
    let whole = heads(&[stream]);
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(*size).max(1)).collect();
    assert_eq!(heads(&pieces), whole, "pieces of {size}");
    let refused = whole.iter().position(Result::is_err);
    // What comes after a refusal cannot be told apart from a body.
    assert!(refused.is_none_or(|at| at + 1 == whole.len()), "{whole:?}");
    match refused {
        None if !whole.is_empty() => Outcome::Accepted,
        _ => Outcome::Refused,
    }
}

/// Reads the first head of a stream, and has `httparse` read it as well.
pub(crate) fn check_split(input: &[u8]) -> Outcome {
    let Some(ours) = split(input) else {
        return Outcome::Refused;
    };
    let mut fields = [httparse::EMPTY_HEADER; LINES];
    let mut theirs = httparse::Request::new(&mut fields);
    let read = theirs.parse(input);
    assert!(
        matches!(read, Ok(httparse::Status::Complete(_))),
        "we took what httparse refuses ({read:?}): {ours:?}"
    );
    assert_eq!(Some(ours.method.as_str()), theirs.method);
    assert_eq!(Some(ours.target.as_str()), theirs.path);
    let minor = match ours.version.as_str() {
        "HTTP/1.1" => 1,
        _ => 0,
    };
    assert_eq!(Some(minor), theirs.version);
    let headers: Vec<(String, String)> = theirs
        .headers
        .iter()
        .map(|field| {
            let value = String::from_utf8_lossy(field.value);
            (field.name.to_owned(), value.into_owned())
        })
        .collect();
    assert_eq!(ours.headers, headers);
    check_framing(&ours);
    Outcome::Accepted
}

/// Says by itself what is fit to tell where a request ends and whom it is for.
fn check_framing(head: &Split) {
    let all = |name: &str| -> Vec<&str> {
        let same = head
            .headers
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    };
    let (hosts, lengths) = (all("host"), all("content-length"));
    let encodings = all("transfer-encoding");
    let optional = head.method == "CONNECT" || head.version == "HTTP/1.0";
    assert!(
        hosts.len() == 1 || (optional && hosts.is_empty()),
        "{head:?}"
    );
    assert!(lengths.len() + encodings.len() <= 1, "{head:?}");
    for length in lengths {
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        assert!(digits, "{head:?}");
    }
    for encoding in encodings {
        assert!(encoding.eq_ignore_ascii_case("chunked"), "{head:?}");
        assert_eq!(head.version, "HTTP/1.1", "{head:?}");
    }
}
