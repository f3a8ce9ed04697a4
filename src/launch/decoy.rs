//! Values that stand for secrets or look like them: random, and worth nothing outside of one bottle.

use anyhow::anyhow;
use bottle_contract::secret::Secret;

use crate::error::{Error, Result};

/// The beginnings by which tools recognise a vendor's token. Those that begin alike are in the order
/// in which they are tried: the longest first.
const PREFIXES: [&str; 26] = [
    "sk-ant-api03-",
    "sk-ant-oat01-",
    "sk-ant-",
    "sk-proj-",
    "sk-svcacct-",
    "sk-",
    "github_pat_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "npm_",
    "pypi-",
    "hf_",
    "AKIA",
    "ASIA",
    "AIza",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "dop_v1_",
];

/// The fewest random characters: 95 bits, so that no text has them by chance.
const RANDOM_CHARACTERS: usize = 16;

/// The most characters of a placeholder; tools check for the fewest, and headers are to stay short.
const LONGEST: usize = 256;

/// The characters of the canary, beside its beginning.
const CANARY_CHARACTERS: usize = 40;

/// 64 characters, so that each takes six bits of a random byte; none of them is special anywhere.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";

/// Makes a placeholder for a real value: it begins as a vendor's token does where the real one
/// does, and has the same length within bounds. Nothing else about it depends on the real one.
pub(super) fn placeholder(real: &Secret) -> Result<Secret> {
    let real = real.expose();
    let prefix = PREFIXES
        .into_iter()
        .find(|prefix| real.starts_with(prefix))
        .unwrap_or_default();
    let length = real.chars().count().min(LONGEST);
    let random = length.saturating_sub(prefix.len()).max(RANDOM_CHARACTERS);
    Ok(Secret::new(format!("{prefix}{}", characters(random)?)))
}

/// Makes the value that is planted as a trap.
pub(super) fn canary() -> Result<Secret> {
    characters(CANARY_CHARACTERS).map(Secret::new)
}

fn characters(count: usize) -> Result<String> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal(anyhow!("the system gave no random bytes: {error}")))?;
    let character = |byte: u8| ALPHABET.get(usize::from(byte & 63)).copied();
    Ok(bytes
        .into_iter()
        .filter_map(character)
        .map(char::from)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(real: &str, prefix: &str, length: usize) {
        let made = placeholder(&Secret::new(real.to_owned())).unwrap();
        assert!(made.expose().starts_with(prefix), "{real}");
        assert_eq!(made.expose().len(), length, "{real}");
        let rest = made.expose().get(prefix.len()..).unwrap();
        assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!real.ends_with(rest), "{real}");
    }

    #[test]
    fn a_placeholder_has_the_vendors_beginning_and_the_length_and_nothing_else_of_the_real_one() {
        let body = "Q".repeat(36);
        check(&format!("ghp_{body}"), "ghp_", 40);
        check(&format!("sk-ant-api03-{body}"), "sk-ant-api03-", 49);
        check("correct horse battery staple", "", 28);
        check("1234", "", 16);
        check("sk-1", "sk-", 19);
        check(&"x".repeat(5000), "", 256);
    }

    #[test]
    fn no_two_are_alike() {
        let real = Secret::new("ghp_0123456789".to_owned());
        assert_ne!(placeholder(&real).unwrap(), placeholder(&real).unwrap());
        assert_ne!(canary().unwrap(), canary().unwrap());
        assert_eq!(canary().unwrap().expose().len(), CANARY_CHARACTERS);
    }

    #[test]
    fn a_longer_beginning_is_tried_before_a_shorter_one() {
        for (index, prefix) in PREFIXES.iter().enumerate() {
            for earlier in PREFIXES.iter().take(index) {
                assert!(!prefix.starts_with(earlier), "{prefix} {earlier}");
            }
        }
    }
}
