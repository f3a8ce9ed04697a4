//! Vendors' tokens and private keys, beside what only looks like them.

use super::fixture::{detectors, found, send};
use crate::dlp::vendor::{Letters, SHAPES};
use crate::dlp::{Content, MARKER, OnMatch, Place, Tier};

/// Letters of a token that is none.
fn letters(letters: Letters, count: usize) -> String {
    let all = match letters {
        Letters::Hex => "0123456789abcdef",
        Letters::Upper => "Q7W3E9R5T1Z8U2P4",
        Letters::Alphanumeric | Letters::Path => "q7W3e9R5t1Z8u2P4aB",
        Letters::Url | Letters::Dotted | Letters::Base64 => "q7W3e9R5t1Z8u2P4aBcD",
    };
    all.chars().cycle().take(count).collect()
}

#[test]
fn each_shape_is_found_and_nothing_that_is_shorter() {
    let detectors = detectors();
    for shape in SHAPES {
        for prefix in shape.prefixes {
            let text = |count| format!("token = \"{prefix}{}\"", letters(shape.letters, count));
            assert_eq!(
                found(&detectors, text(shape.least).as_bytes()).as_deref(),
                Some(shape.id)
            );
            assert_eq!(
                found(&detectors, text(shape.least - 1).as_bytes()),
                None,
                "{prefix}"
            );
            let inside = format!("x{prefix}{}", letters(shape.letters, shape.least));
            assert_eq!(found(&detectors, inside.as_bytes()), None, "{inside}");
            let dull = format!("{prefix}{}", "1".repeat(shape.least));
            assert_eq!(found(&detectors, dull.as_bytes()), None, "{dull}");
        }
    }
}

#[test]
fn an_example_of_a_manual_is_no_token() {
    assert_eq!(found(&detectors(), b"AKIAIOSFODNN7EXAMPLE"), None);
    assert!(found(&detectors(), b"AKIAIOSFODNN7EXAMPLX").is_some());
}

#[test]
fn tokens_are_found_in_base64_and_escapes() {
    use base64::Engine as _;
    let detectors = detectors();
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{token}\n"));
    let escaped = token.replace('_', "\\u005f");
    for body in [encoded.clone(), escaped.clone()] {
        assert_eq!(
            found(&detectors, body.as_bytes()).as_deref(),
            Some("github-token"),
            "{body}"
        );
    }
    let other =
        base64::engine::general_purpose::STANDARD.encode(format!("user:{}\n", &token[..30]));
    assert_eq!(found(&detectors, other.as_bytes()), None);
}

#[test]
fn a_private_key_needs_more_than_its_header() {
    let detectors = detectors();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKj";
    for kind in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        for between in [
            "\n",
            "\r\n",
            "\\n",
            "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\n",
        ] {
            let key = format!("-----BEGIN {kind}-----{between}{body}");
            assert_eq!(
                found(&detectors, key.as_bytes()).as_deref(),
                Some("private-key"),
                "{key}"
            );
        }
    }
    for text in [
        "if line == \"-----BEGIN PRIVATE KEY-----\" { read(line) } // and some more text that is long",
        "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n",
        "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
    ] {
        assert_eq!(found(&detectors, text.as_bytes()), None, "{text}");
    }
}

#[test]
fn tokens_are_replaced_to_their_end_and_keys_stop() {
    let detectors = detectors();
    let run = |body: &str, size| {
        send(
            &detectors,
            Content::default(),
            OnMatch::Redact,
            body.as_bytes().chunks(size),
        )
    };
    for size in [1, 5, 1000] {
        let (out, end) = run(
            "a ghp_0123456789abcdefghijABCDEFGHIJ012345tail! ghp_short b",
            size,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("a {MARKER}! ghp_short b")
        );
        assert_eq!(end, Ok(vec![]));
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        assert!(run(key, size).1.is_err());
    }
}

#[test]
fn a_session_token_is_reported_once_and_passes() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";
    let body = format!("{token} {token}");
    let (out, end) = send(
        &detectors(),
        Content::default(),
        OnMatch::Block,
        [body.as_bytes()],
    );
    assert_eq!(out, body.as_bytes());
    let reports = end.unwrap();
    let report: Vec<_> = reports
        .iter()
        .map(|f| (f.detector.as_str(), f.tier, &f.place))
        .collect();
    assert_eq!(report, [("jwt", Tier::Noisy, &Place::Body)]);
    let (_, end) = send(
        &detectors(),
        Content::default(),
        OnMatch::Block,
        [&b"eyJhbGciOiJIUzI1NiJ9 eyJ"[..]],
    );
    assert_eq!(end, Ok(vec![]));
}
