//! What a reference to an image looks like.

/// The longest reference.
const LONGEST: usize = 255;
/// The longest name: host and path.
const LONGEST_NAME: usize = 127;
/// The longest tag.
const LONGEST_TAG: usize = 128;
/// The digits of a SHA-256.
const DIGEST: usize = 64;

/// Tells whether a text is a reference: `[HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST]`.
pub(crate) fn is_reference(text: &str) -> bool {
    let is_identifier = text.len() == DIGEST
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.chars().count() > LONGEST || is_identifier {
        return false;
    }
    let (host, rest) = split_host(text);
    if !host.is_none_or(is_host) {
        return false;
    }
    let Some(path) = path_of(rest) else {
        return false;
    };
    let host_length = host.map_or(0, |host| host.chars().count() + 1);
    is_path(path) && host_length + path.chars().count() <= LONGEST_NAME
}

/// Splits off what stands before the first slash, where it looks like a host.
fn split_host(text: &str) -> (Option<&str>, &str) {
    // Slashes in front do not count.
    match text.trim_start_matches('/').split_once('/') {
        Some((first, rest)) if !rest.is_empty() => {
            if first.starts_with("localhost") || first.contains(['.', ':']) {
                (Some(first), rest)
            } else {
                (None, text)
            }
        }
        Some(_) | None if text.starts_with("localhost") => (Some(text), ""),
        Some(_) | None => (None, text),
    }
}

/// Tells whether a text is a host, with a port or without.
fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return !address.is_empty() && address.bytes().all(hex) && port_fits;
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    port.is_none_or(is_port) && name.split('.').all(is_label)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Returns the path, if the tag and the digest behind it are right.
fn path_of(text: &str) -> Option<&str> {
    let text = match text.split_once('@') {
        Some((rest, digest)) => {
            let digits = digest.strip_prefix("sha256:")?;
            let right = digits.len() == DIGEST && digits.bytes().all(|b| b.is_ascii_hexdigit());
            right.then_some(rest)?
        }
        None => text,
    };
    match text.split_once(':') {
        Some((path, tag)) => is_tag(tag).then_some(path),
        None => Some(text),
    }
}

fn is_tag(text: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.chars().next().is_some_and(is_word)
        && text
            .chars()
            .all(|letter| is_word(letter) || matches!(letter, '.' | '-'))
        && text.chars().count() <= LONGEST_TAG
}

/// Tells whether a path is lower-case words with one separator between each two.
fn is_path(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let separators: Vec<&str> = text
        .split(is_word)
        .filter(|part| !part.is_empty())
        .collect();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && separators
            .iter()
            .all(|part| matches!(*part, "." | "_" | "__" | "-" | "/"))
}

#[cfg(test)]
mod tests {
    use super::is_reference;

    #[test]
    fn references_are_told_from_other_texts() {
        let digest = format!("a@sha256:{}", "0".repeat(64));
        let port_and_tag = "localhost:5000/a/b:1.0-rc_1";
        for text in [
            "a",
            "a:1",
            "a/b",
            "docker.io/library/alpine:3.22",
            port_and_tag,
            "[::1]:5000/a",
            "a__b/c-d.e",
            &digest,
        ] {
            assert!(is_reference(text), "{text}");
        }
        let identifier = "a".repeat(64);
        let long = "a".repeat(128);
        for text in [
            "",
            "A",
            "a:",
            "a b",
            "a--b",
            "a:b:c",
            "-a",
            "a/",
            "localhost",
            "localhost:5000",
            "a@sha256:12",
            "-.io/a",
            &identifier,
            &long,
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
