//! The agent's network as the kernel tells it: a check from outside, which needs nobody's word.
//!
//! Loopback is the agent's own there, so that an address of it says nothing about the host. What makes
//! that true is looked at: another network than the host's, with no interface but loopback, no route,
//! and nobody who listens but the sidecar.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bottle_contract::native::{PROXY_PORT, Process};

/// The tables of sockets, and the state in which one waits for strangers: `None` means any.
const SOCKETS: [(&str, Option<&str>); 8] = [
    ("tcp", Some("0A")),
    ("tcp6", Some("0A")),
    ("udp", None),
    ("udp6", None),
    ("udplite", None),
    ("udplite6", None),
    ("raw", None),
    ("raw6", None),
];

/// Says what of the agent's network is not as it must be.
pub(super) fn holes(agent: Process) -> anyhow::Result<Vec<String>> {
    let own = PathBuf::from("/proc/self");
    let theirs = PathBuf::from(format!("/proc/{}", agent.pid));
    let network = |of: &Path| {
        fs::read_link(of.join("ns/net")).context("could not tell which network the agent has")
    };
    if network(&own)? == network(&theirs)? {
        return Ok(vec!["the agent is on the host's network".to_owned()]);
    }
    let mut holes = Vec::new();
    holes.extend(
        interfaces(&table(&theirs, "dev")?)
            .filter(|name| *name != "lo")
            .map(|name| format!("the agent's network has the interface `{name}`")),
    );
    if table(&theirs, "route")?.lines().count() > 1 {
        holes.push("the agent's network has a route".to_owned());
    }
    let mut proxy = 0;
    for (kind, state) in SOCKETS {
        for socket in sockets(&table(&theirs, kind)?, state) {
            if kind == "tcp" && socket == proxy_socket() {
                proxy += 1;
            } else {
                holes.push(format!(
                    "somebody listens in the agent's network: {kind} {socket}"
                ));
            }
        }
    }
    if proxy == 0 && holes.is_empty() {
        bail!("the sidecar does not listen in the agent's network");
    }
    Ok(holes)
}

/// Reads a table of a network; one that this kernel does not have is empty.
fn table(of: &Path, name: &str) -> anyhow::Result<String> {
    match fs::read_to_string(of.join("net").join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && of.exists() => Ok(String::new()),
        read => read.with_context(|| format!("could not read the agent's table `{name}`")),
    }
}

fn interfaces(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .skip(2)
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim()))
}

fn sockets<'a>(text: &'a str, state: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    text.lines().skip(1).filter_map(move |line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (address, _) = (words.next()?, words.next()?);
        let found = words.next()?;
        state.is_none_or(|state| state == found).then_some(address)
    })
}

/// 127.0.0.1 and the sidecar's port, as the kernel writes them: the address as this machine has it.
fn proxy_socket() -> String {
    let address = u32::from_ne_bytes([127, 0, 0, 1]);
    format!("{address:08X}:{PROXY_PORT:04X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "Inter-| Receive\n face |bytes\n    lo:  0 0\n  eth0: 1 2\n";
    const TCP: &str = "  sl  local_address rem_address   st\n   0: 0100007F:0C38 00000000:0000 0A 0\n   1: 0100007F:0016 00000000:0000 01 0\n";

    #[test]
    fn tables_are_read_by_their_columns() {
        assert_eq!(interfaces(DEV).collect::<Vec<_>>(), ["lo", "eth0"]);
        let listening: Vec<&str> = sockets(TCP, Some("0A")).collect();
        assert_eq!(listening, ["0100007F:0C38"]);
        assert_eq!(sockets(TCP, None).count(), 2);
        if cfg!(target_endian = "little") {
            assert_eq!(proxy_socket(), "0100007F:0C38");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_on_the_hosts_network_is_a_hole() {
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let own = Process::from_stat(pid, &stat).unwrap();
        let holes = holes(own).unwrap();
        assert_eq!(holes, ["the agent is on the host's network"]);
    }
}
