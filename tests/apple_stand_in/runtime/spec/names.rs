//! Names of containers, networks and volumes (§0 fact 7, §2.4, §2.5).

use crate::runtime::failure::Failure;

/// Checks a container's name, which is its id.
pub(crate) fn container_name(name: &str) -> Result<(), Failure> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if starts && goes_on && (2..=63).contains(&name.len()) {
        return Ok(());
    }
    Err(Failure::invalid(format!("invalid entity name {name}")))
}

/// Checks a network's name.
pub(crate) fn network_name(name: &str) -> Result<(), Failure> {
    if name == "none" {
        return Err(Failure::invalid("network none is not a valid name"));
    }
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let edges = [name.bytes().next(), name.bytes().last()];
    let good = edges.iter().all(|edge| edge.is_some_and(alphanumeric))
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| alphanumeric(byte) || b"._-".contains(&byte));
    if good {
        return Ok(());
    }
    Err(Failure::invalid(format!("invalid network name: {name}")))
}

/// Checks a volume's name.
pub(crate) fn volume_name(name: &str) -> Result<(), Failure> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if starts && goes_on && name.len() <= 255 {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "invalid volume name '{name}': must match ^[A-Za-z0-9][A-Za-z0-9_.-]*$"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_grammars() {
        for good in ["ab", "bottle-ab12", "A.b_c", "0x"] {
            assert!(container_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "-ab", "a/b", "a b", &"x".repeat(64)] {
            assert!(container_name(bad).is_err(), "{bad}");
        }
        for good in ["a", "bottle-ab12", "a.b_c", "0"] {
            assert!(network_name(good).is_ok(), "{good}");
        }
        for bad in ["", "none", "A", "a-", "-a", "a/b", &"x".repeat(64)] {
            assert!(network_name(bad).is_err(), "{bad}");
        }
        assert!(volume_name("a").is_ok());
        assert!(volume_name("").is_err());
        assert!(volume_name("a/b").is_err());
    }
}
