//! What must hold before a configuration is taken: the kernel forwards nothing between the two networks.
//!
//! If it did, the kernel itself would carry the agent's packets to the other network, past the proxy.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, bail};

/// Where the kernel says whether it forwards IPv4.
const IPV4: &str = "proc/sys/net/ipv4/ip_forward";
/// The same for IPv6; a kernel without IPv6 has no such file.
const IPV6: &str = "proc/sys/net/ipv6/conf/all/forwarding";

/// Refuses to go on unless forwarding is known to be off.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    must_be_off(&root.join(IPV4))?;
    let ipv6 = root.join(IPV6);
    match fs::symlink_metadata(&ipv6) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => must_be_off(&ipv6),
    }
}

fn must_be_off(setting: &Path) -> anyhow::Result<()> {
    let value = fs::read(setting).with_context(|| {
        format!(
            "cannot read `{}`, so the kernel may forward packets past the sidecar",
            setting.display()
        )
    })?;
    if value.trim_ascii() != b"0" {
        bail!(
            "the kernel forwards packets past the sidecar: `{}` is not 0 in the sidecar's container",
            setting.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the settings, each as a file with a text or a folder, which cannot be read.
    fn check_with(ipv4: Option<&str>, ipv6: Option<&str>) -> Result<(), String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [(IPV4, ipv4), (IPV6, ipv6)] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text {
                Some("unreadable") => fs::create_dir(&path).unwrap(),
                Some(text) => {
                    let mut file = fs::File::create(&path).unwrap();
                    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
                }
                None => {}
            }
        }
        check(root.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn forwarding_must_be_known_to_be_off() {
        for ipv6 in [None, Some("0\n")] {
            assert_eq!(check_with(Some("0\n"), ipv6), Ok(()));
        }
        for (ipv4, ipv6, words, named) in [
            (Some("1\n"), Some("0\n"), "is not 0", IPV4),
            (Some("0\n"), Some("1\n"), "is not 0", IPV6),
            (Some("0\n"), Some("2\n"), "is not 0", IPV6),
            (Some(""), None, "is not 0", IPV4),
            (Some("00"), None, "is not 0", IPV4),
            (None, Some("0\n"), "cannot read", IPV4),
            (Some("unreadable"), None, "cannot read", IPV4),
            (Some("0\n"), Some("unreadable"), "cannot read", IPV6),
        ] {
            let error = check_with(ipv4, ipv6).unwrap_err();
            assert!(error.contains(words) && error.contains(named), "{error}");
        }
    }
}
