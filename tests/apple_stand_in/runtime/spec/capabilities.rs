//! `--cap-add` and `--cap-drop` (§2.1).

use crate::runtime::failure::Failure;

const NAMES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Brings names to the form `CAP_…`, or `ALL`.
pub(crate) fn capabilities(raw: &[String]) -> Result<Vec<String>, Failure> {
    raw.iter().map(|name| capability(name)).collect()
}

fn capability(name: &str) -> Result<String, Failure> {
    let upper = name.to_ascii_uppercase();
    if upper == "ALL" {
        return Ok(upper);
    }
    let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if NAMES.contains(&short) {
        return Ok(format!("CAP_{short}"));
    }
    Err(Failure::invalid(format!("invalid capability: {upper}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_pass() {
        let read = |name: &str| capabilities(&[name.to_owned()]).map(|names| names.concat());
        assert_eq!(read("net_raw").unwrap(), "CAP_NET_RAW");
        assert_eq!(read("CAP_NET_RAW").unwrap(), "CAP_NET_RAW");
        assert_eq!(read("all").unwrap(), "ALL");
        assert!(read("NET_RAWW").is_err());
        assert!(read("").is_err());
    }
}
