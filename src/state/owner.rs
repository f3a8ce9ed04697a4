//! Whose a resource is, in the words of its label.

use std::fs;

use sha2::{Digest as _, Sha256};

/// The length of the host's part, in hex digits: enough to tell the hosts of one engine apart.
const HOST_DIGITS: usize = 12;

/// Returns `<uid>.<host id>` for this user on this host: lower-case, without a `=`.
///
/// The host's id is a digest, since the machine's own id is not meant to be published.
pub fn owner() -> String {
    let uid = rustix::process::getuid().as_raw();
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    if machine.trim().is_empty() {
        let hostname = rustix::system::uname();
        owner_of(uid, &hostname.nodename().to_string_lossy())
    } else {
        owner_of(uid, &machine)
    }
}

fn owner_of(uid: u32, machine: &str) -> String {
    let digest = Sha256::digest(machine.trim().as_bytes());
    let digits = digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16));
    let host: String = digits.take(HOST_DIGITS).collect();
    format!("{uid}.{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_user_on_a_host() {
        // `printf abc | sha256sum`
        assert_eq!(owner_of(1000, "abc\n"), "1000.ba7816bf8f01");
        assert_ne!(owner_of(1000, "abc"), owner_of(1000, "abd"));
        assert_ne!(owner_of(1000, "abc"), owner_of(1001, "abc"));
        assert_eq!(owner(), owner());
        assert!(
            owner()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        );
    }
}
