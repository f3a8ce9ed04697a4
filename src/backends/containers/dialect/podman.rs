//! podman, 4.3 and later, with netavark.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;

use super::super::capabilities::{
    Addresses, Builder, Capabilities, First, HostAddress, Isolation, Limiting, LogBound,
    MountOwner, Mountable, Names, OnBuild, SecondNetwork, Sysctls, Wall,
};
use super::super::error::ErrorKind;
use super::super::record::{ContainerRecord, EngineInfo, ImageRecord, NetworkRecord};
use super::super::request::Request;
use super::compatible::{self, Differences, MOUNT_MARKS};
use super::contract::{Dialect, ParseError, read, version_numbers};
use super::docker;
use crate::machine::Facts;

/// podman's command line.
#[derive(Clone, Copy, Debug)]
pub struct Podman;

impl Dialect for Podman {
    fn name(&self) -> &'static str {
        "podman"
    }

    fn argv(&self, request: &Request) -> Vec<OsString> {
        compatible::argv(
            request,
            Differences {
                info_format: "json",
                remove_now: &["--time=0"],
                bound_log: &["--log-driver=k8s-file", "--log-opt=max-size=16mb"],
            },
        )
    }

    fn parse_info(&self, stdout: &[u8]) -> Result<EngineInfo, ParseError> {
        let Info { version, host } = read("info", stdout)?;
        let system = format!(
            "{} {}",
            host.distribution.distribution, host.distribution.version
        );
        Ok(EngineInfo {
            numbers: version_numbers(&version.version),
            version: version.version,
            rootless: host.security.rootless,
            // Without root, limits need the controllers that cgroup v2 delegates.
            limits: !host.security.rootless || host.cgroup_version == "v2",
            memory: host.memory,
            // Seen with netavark 1.4: an internal network without a resolver gets no gateway. The older
            // network plugins give it one.
            bare_bridge: host.network_backend != "cni",
            system: system.trim().to_owned(),
        })
    }

    fn parse_containers(&self, stdout: &[u8]) -> Result<Vec<ContainerRecord>, ParseError> {
        let containers: Vec<docker::Container> = read("container inspect", stdout)?;
        Ok(containers.into_iter().map(ContainerRecord::from).collect())
    }

    fn parse_networks(&self, stdout: &[u8]) -> Result<Vec<NetworkRecord>, ParseError> {
        let networks: Vec<Network> = read("network inspect", stdout)?;
        Ok(networks.into_iter().map(NetworkRecord::from).collect())
    }

    fn parse_image(&self, stdout: &[u8]) -> Result<ImageRecord, ParseError> {
        let images: Vec<docker::Image> = read("image inspect", stdout)?;
        Ok(images.into_iter().next().unwrap_or_default().into())
    }

    fn classify(&self, _status: i32, stderr: &str) -> ErrorKind {
        let words = [
            ("Cannot connect to Podman", ErrorKind::NotRunning),
            ("no such container", ErrorKind::Absent),
            ("no container with", ErrorKind::Absent),
            ("image not known", ErrorKind::Absent),
            ("network not found", ErrorKind::Absent),
            ("short-name resolution", ErrorKind::NoImage),
            ("did not resolve to an alias", ErrorKind::NoImage),
            ("initializing source", ErrorKind::NoImage),
            ("is already used on the host", ErrorKind::Overlap),
            ("already in use", ErrorKind::Conflict),
            ("already exists", ErrorKind::Conflict),
            ("could not find free subnet", ErrorKind::NoAddresses),
            ("no space left on device", ErrorKind::NoSpace),
            // It lists the host's interfaces and asks about each: one that went away meanwhile is an error.
            ("no such network interface", ErrorKind::Raced),
        ];
        ErrorKind::first_of(stderr, &words)
    }

    fn capabilities(&self, info: &EngineInfo, _facts: &Facts) -> Capabilities {
        Capabilities {
            isolation: Isolation::NoResolver,
            host_address: HostAddress::of(info),
            addresses: Addresses::Chosen,
            second_network: SecondNetwork::AtCreation,
            first: First::Anyone,
            names: Names::Engine,
            mount_owner: if info.rootless {
                MountOwner::RootIsUser
            } else {
                MountOwner::SameId
            },
            mount_marks: MOUNT_MARKS,
            mountable: Mountable::Anything,
            sysctls: Sysctls::Engine,
            on_build: OnBuild::Shown,
            builder: Builder::Engine,
            log: LogBound::Engine,
            wall: Wall::Guest,
            limits: if info.limits {
                Limiting::Engine
            } else {
                Limiting::Nobody
            },
            memory: info.memory,
        }
    }

    fn minimum(&self) -> (u32, u32) {
        (4, 3)
    }

    fn start_hint(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "podman machine start"
        } else {
            "systemctl --user start podman.socket"
        }
    }

    fn install_hint(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "brew install podman"
        } else {
            "sudo apt-get install podman netavark aardvark-dns"
        }
    }
}

#[derive(Debug, Deserialize)]
struct Info {
    version: Version,
    host: HostInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostInfo {
    security: Security,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default)]
    network_backend: String,
    #[serde(default, rename = "memTotal")]
    memory: Option<u64>,
    #[serde(default)]
    distribution: Distribution,
}

#[derive(Debug, Deserialize)]
struct Security {
    #[serde(default)]
    rootless: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Distribution {
    #[serde(default)]
    distribution: String,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize)]
struct Network {
    name: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default, rename = "network_interface")]
    bridge: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    subnets: Option<Vec<Subnet>>,
}

#[derive(Debug, Deserialize)]
struct Subnet {
    #[serde(default)]
    gateway: Option<String>,
}

impl From<Network> for NetworkRecord {
    fn from(raw: Network) -> Self {
        let subnets = raw.subnets.unwrap_or_default();
        Self {
            name: raw.name,
            labels: raw.labels.unwrap_or_default(),
            bridge: raw.bridge,
            internal: raw.internal,
            gateways: subnets
                .into_iter()
                .filter_map(|subnet| subnet.gateway?.parse().ok())
                .collect(),
            created: raw.created,
        }
    }
}

#[cfg(test)]
#[path = "podman_tests.rs"]
mod tests;
