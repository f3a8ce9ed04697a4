//! The attempts of `bottle verify`: their stable names, and what each is about.

use serde::Serialize;

/// One attempt, as it stands in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name, which stays.
    pub id: &'static str,
    /// What should hold.
    pub control: &'static str,
    /// What is tried.
    pub attempt: &'static str,
    /// In which bottles it is made.
    pub scope: Scope,
    /// What a bottle may accept of it.
    pub acceptable: Acceptable,
}

/// In which bottles an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// In every one.
    Every,
    /// In one that was made for it: it needs a route of its own, or would disturb an agent.
    Own,
}

/// What a bottle may accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptable {
    /// Nothing: it is a hole.
    Nothing,
    /// That the host is there, where `host-access = "warn"` says so.
    HostServices,
}

/// Finds an attempt by its name.
pub fn find(id: &str) -> Option<&'static Entry> {
    ATTEMPTS.iter().find(|entry| entry.id == id)
}

const NETWORK: &str = "network";
const DNS: &str = "dns";
const SOCKETS: &str = "sockets";
const PROXY: &str = "proxy";
const SIDECAR: &str = "sidecar";
const HOST: &str = "host";
const KERNEL: &str = "kernel";
const PROCESSES: &str = "processes";
const FILES: &str = "files";
const SECRETS: &str = "secrets";
const CONFINEMENT: &str = "confinement";

const fn every(id: &'static str, control: &'static str, attempt: &'static str) -> Entry {
    Entry {
        id,
        control,
        attempt,
        scope: Scope::Every,
        acceptable: Acceptable::Nothing,
    }
}

const fn near(id: &'static str, attempt: &'static str) -> Entry {
    Entry {
        acceptable: Acceptable::HostServices,
        ..every(id, NETWORK, attempt)
    }
}

const fn own(id: &'static str, control: &'static str, attempt: &'static str) -> Entry {
    Entry {
        scope: Scope::Own,
        ..every(id, control, attempt)
    }
}

/// All attempts, in the order in which they are shown.
pub const ATTEMPTS: &[Entry] = &[
    near("tcp-host", "TCP to each IPv4 address of the host"),
    near("tcp-host-v6", "TCP to each IPv6 address of the host"),
    near("udp-host", "UDP to each IPv4 address of the host"),
    near("udp-host-v6", "UDP to each IPv6 address of the host"),
    near("icmp-host", "ping each IPv4 address of the host"),
    near("tcp-gateways", "TCP to the networks' gateways"),
    near("udp-gateways", "UDP to the networks' gateways"),
    near("icmp-gateways", "ping the networks' gateways"),
    near(
        "tcp-bound",
        "TCP to the host past the routes, bound to each interface",
    ),
    near(
        "udp-bound",
        "UDP to the host past the routes, bound to each interface",
    ),
    every(
        "tcp-sidecar-egress",
        NETWORK,
        "TCP to the sidecar's address on the outer network",
    ),
    every(
        "udp-sidecar-egress",
        NETWORK,
        "UDP to the sidecar's address on the outer network",
    ),
    near("route-internet", "a route to public addresses, IPv4"),
    near("route-internet-v6", "a route to public addresses, IPv6"),
    near(
        "route-private",
        "a route to private networks (10/8, 172.16/12, 192.168/16)",
    ),
    near("route-private-v6", "a route to private networks (fd00::/8)"),
    near("route-link-local", "a route to link-local addresses"),
    near(
        "route-metadata",
        "a route to the cloud's metadata addresses",
    ),
    every("one-network", NETWORK, "a second network in the bottle"),
    near(
        "dns-host",
        "a DNS query to the host and the gateways, by UDP",
    ),
    near(
        "dns-host-tcp",
        "a DNS query to the host and the gateways, by TCP",
    ),
    every(
        "dns-resolvers",
        DNS,
        "a DNS query to each resolver of the bottle, by UDP",
    ),
    every(
        "dns-resolvers-tcp",
        DNS,
        "a DNS query to each resolver of the bottle, by TCP",
    ),
    every("dns-sidecar", DNS, "a DNS query to the sidecar"),
    every(
        "dns-by-connect",
        DNS,
        "a tunnel through the proxy to a resolver's port",
    ),
    every("dns-by-name", DNS, "a lookup of a denied name by the proxy"),
    every("raw-ip", SOCKETS, "raw sockets of IPv4 and IPv6"),
    every("packet-socket", SOCKETS, "a packet socket"),
    every("netlink-route", SOCKETS, "a new route by netlink"),
    every(
        "vsock",
        SOCKETS,
        "a socket that leads out of a virtual machine",
    ),
    every(
        "odd-families",
        SOCKETS,
        "sockets of rare families (crypto, keys, Bluetooth, XDP, TIPC)",
    ),
    every(
        "proxy-host",
        PROXY,
        "a host that no route names, by CONNECT",
    ),
    every(
        "proxy-absolute",
        PROXY,
        "a host that no route names, by a whole URL",
    ),
    every(
        "proxy-literal",
        PROXY,
        "the host's addresses in the place of a name",
    ),
    every(
        "proxy-numeric",
        PROXY,
        "loopback in the numbers that some readers take for it",
    ),
    every(
        "proxy-itself",
        PROXY,
        "the sidecar as a way to itself and to its loopback",
    ),
    every(
        "proxy-metadata",
        PROXY,
        "the cloud's metadata service through the proxy",
    ),
    every(
        "proxy-userinfo",
        PROXY,
        "a user name in a URL that looks like a host",
    ),
    every("proxy-dots", PROXY, "a denied name with dots at its end"),
    every("proxy-smuggling", PROXY, "a request with two lengths"),
    own("proxy-port", PROXY, "another port of a permitted host"),
    own(
        "proxy-host-header",
        PROXY,
        "a Host that differs from the URL",
    ),
    own(
        "proxy-fronting",
        PROXY,
        "a TLS name that differs from CONNECT",
    ),
    own(
        "proxy-inner-host",
        PROXY,
        "a Host inside a tunnel that differs from CONNECT",
    ),
    own("proxy-nested", PROXY, "a tunnel inside a tunnel"),
    own("proxy-not-tls", PROXY, "another protocol inside a tunnel"),
    own("proxy-h2c", PROXY, "an upgrade to HTTP/2 in the clear"),
    own(
        "proxy-redirect",
        PROXY,
        "a redirect that the proxy would follow",
    ),
    every(
        "sidecar-ports",
        SIDECAR,
        "every other TCP port of the sidecar",
    ),
    every("sidecar-control", SIDECAR, "the sidecar's control channel"),
    every(
        "host-sockets",
        HOST,
        "sockets of docker, podman, containerd, systemd and the like",
    ),
    every(
        "desktop-sockets",
        HOST,
        "sockets of ssh-agent, gpg-agent, D-Bus, X11 and Wayland",
    ),
    every(
        "mounted-sockets",
        HOST,
        "a socket of somebody outside, in any folder",
    ),
    every(
        "abstract-sockets",
        HOST,
        "sockets of the host that have no file",
    ),
    every(
        "host-folders",
        HOST,
        "folders of the host, mounted to be written",
    ),
    every("mount", KERNEL, "mount a file system, by the old calls"),
    every("mount-new", KERNEL, "mount a file system, by the new calls"),
    every("pivot-root", KERNEL, "another root"),
    every(
        "user-namespace",
        KERNEL,
        "a new user namespace, by each of the calls",
    ),
    every("setns", KERNEL, "the namespaces of process 1"),
    every("keyring", KERNEL, "the kernel's keyrings"),
    every("bpf", KERNEL, "programs and maps of bpf"),
    every("perf", KERNEL, "perf events"),
    every("io-uring", KERNEL, "io_uring"),
    every("userfaultfd", KERNEL, "userfaultfd"),
    every("modules", KERNEL, "kernel modules and another kernel"),
    every(
        "reboot",
        KERNEL,
        "reboot, the clock, the host name, accounting, swap",
    ),
    every("kernel-log", KERNEL, "the kernel's log"),
    every("file-handles", KERNEL, "files by handle, past the mounts"),
    every("tiocsti", KERNEL, "characters into the terminal's input"),
    every("ptrace", PROCESSES, "trace a process that is not a child"),
    every(
        "process-memory",
        PROCESSES,
        "the memory of process 1 and the agent's own root elsewhere",
    ),
    every("setuid", PROCESSES, "privileges from setuid programs"),
    own("fork-bomb", PROCESSES, "more processes than the bound"),
    every("proc-sys", FILES, "write to the kernel's settings"),
    every("sysrq", FILES, "the kernel's emergency keys"),
    every("sys", FILES, "write to /sys"),
    every(
        "cgroup",
        FILES,
        "write to control groups, and a release agent",
    ),
    every("device-nodes", FILES, "make a device node"),
    every("devices", FILES, "open memory, disks, kvm, tun and fuse"),
    every("links", FILES, "links out of the workspace"),
    own(
        "secret-environment",
        SECRETS,
        "the sidecar's credential in the environment",
    ),
    own(
        "secret-processes",
        SECRETS,
        "the sidecar's credential in /proc of others",
    ),
    own("secret-files", SECRETS, "the sidecar's credential in files"),
    every(
        "credential-files",
        SECRETS,
        "files in which credentials usually lie",
    ),
    every(
        "ca-key",
        SECRETS,
        "the key of the bottle's certificate authority",
    ),
    every(
        "capabilities",
        CONFINEMENT,
        "a capability in any of the five sets",
    ),
    every(
        "no-new-privileges",
        CONFINEMENT,
        "a process without no-new-privileges",
    ),
    every(
        "filter",
        CONFINEMENT,
        "a process without a filter of system calls",
    ),
    every(
        "exec-privileges",
        CONFINEMENT,
        "more by `exec` than the agent has",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_words_and_there_are_enough() {
        let ids: BTreeSet<&str> = ATTEMPTS.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), ATTEMPTS.len());
        let every = ATTEMPTS.iter().filter(|entry| entry.scope == Scope::Every);
        assert!(every.count() >= 40);
        for id in ids {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(id.chars().all(plain), "{id}");
            assert_eq!(find(id).map(|entry| entry.id), Some(id));
        }
        assert_eq!(find("no-such-attempt"), None);
    }
}
