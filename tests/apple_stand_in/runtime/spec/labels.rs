//! Labels (§2.1 for containers, §2.4 for networks).

use std::collections::BTreeMap;

use crate::runtime::failure::Failure;

/// Reads `run --label` values: more than one `=` is an error.
pub(crate) fn container_labels(raw: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for label in raw {
        if label.is_empty() {
            return Err(Failure::invalid("label cannot be an empty string"));
        }
        // Empty parts do not count, so `k=` is `k` and `k==v` is `k=v`.
        let parts: Vec<&str> = label.split('=').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [key] => labels.insert((*key).to_owned(), String::new()),
            [key, value] => labels.insert((*key).to_owned(), (*value).to_owned()),
            _ => return Err(Failure::invalid(format!("invalid label format {label}"))),
        };
    }
    Ok(labels)
}

/// Reads labels of networks and volumes: the first `=` divides, and keys have a grammar.
pub(crate) fn network_labels(raw: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for label in raw {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        if key.len() > 128 || !is_label_key(key) {
            return Err(struct_dump("invalid_label_key_content", key));
        }
        if key.len() + value.len() + 1 > 4096 {
            return Err(struct_dump("invalid_label_length", label));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}

/// Apple prints this error as Swift shows a struct.
fn struct_dump(code: &str, metadata: &str) -> Failure {
    Failure::Other(format!(
        "LabelError(code: ContainerResource.AppError.Code.{code}, metadata: \"{metadata}\")"
    ))
}

/// Segments of `[a-z0-9-]`, joined by dots or by slashes.
fn is_label_key(key: &str) -> bool {
    key.split('/').all(|part| part.split('.').all(is_segment))
}

fn is_segment(segment: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = segment.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_container(label: &str, expected: Result<(&str, &str), &str>) {
        let read = container_labels(&[label.to_owned()]);
        match expected {
            Ok((key, value)) => {
                let pair = (key.to_owned(), value.to_owned());
                assert_eq!(read.unwrap().into_iter().next(), Some(pair), "{label}");
            }
            Err(text) => assert_eq!(read.unwrap_err().text().as_deref(), Some(text), "{label}"),
        }
    }

    #[test]
    fn a_containers_label_has_one_equals_sign() {
        check_container("k=v", Ok(("k", "v")));
        check_container("k", Ok(("k", "")));
        check_container("k=", Ok(("k", "")));
        check_container("dev.bottle.id=ab12", Ok(("dev.bottle.id", "ab12")));
        check_container("UPPER_case=v", Ok(("UPPER_case", "v")));
        check_container("k=a=b", Err("invalid label format k=a=b"));
        check_container("", Err("label cannot be an empty string"));
    }

    #[test]
    fn a_networks_label_has_a_key_grammar() {
        for good in ["k=v", "k=a=b", "dev.bottle.id=x", "a-b/c=x", "k"] {
            assert!(network_labels(&[good.to_owned()]).is_ok(), "{good}");
        }
        for bad in ["K=v", "a_b=v", "=v", ".a=v", "a-=v", "a b=v"] {
            let failure = network_labels(&[bad.to_owned()]).unwrap_err();
            let text = failure.text().unwrap();
            assert!(text.contains("invalid_label_key_content"), "{bad}: {text}");
            assert_eq!(failure.status(), 1);
        }
    }
}
