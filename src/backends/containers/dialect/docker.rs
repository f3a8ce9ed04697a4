//! docker, 20.10 and later.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;

use serde::Deserialize;

use super::super::capabilities::{
    Addresses, Builder, Capabilities, First, HostAddress, Isolation, Limiting, LogBound,
    MountOwner, Mountable, Names, OnBuild, SecondNetwork, Sysctls, Wall,
};
use super::super::error::ErrorKind;
use super::super::record::{ContainerRecord, Endpoint, EngineInfo, ImageRecord, NetworkRecord};
use super::super::request::Request;
use super::compatible::{self, Differences, MOUNT_MARKS};
use super::contract::{Dialect, ParseError, read, version_numbers};
use crate::machine::Facts;

/// The version from which a bridge can be told to take no address of either family.
const ISOLATED_GATEWAY: (u32, u32) = (28, 0);

/// The version from which `create` takes several networks.
const CREATES_ON_SEVERAL: (u32, u32) = (25, 0);

/// docker's command line.
#[derive(Clone, Copy, Debug)]
pub struct Docker;

impl Dialect for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn argv(&self, request: &Request) -> Vec<OsString> {
        compatible::argv(
            request,
            Differences {
                info_format: "{{json .}}",
                remove_now: &[],
                bound_log: &[
                    "--log-driver=json-file",
                    "--log-opt=max-size=8m",
                    "--log-opt=max-file=2",
                ],
            },
        )
    }

    fn parse_info(&self, stdout: &[u8]) -> Result<EngineInfo, ParseError> {
        let info: Info = read("info", stdout)?;
        Ok(EngineInfo {
            numbers: version_numbers(&info.server_version),
            version: info.server_version,
            rootless: info
                .security_options
                .iter()
                .flatten()
                .any(|option| option.starts_with("name=rootless")),
            limits: info.memory_limit && info.pids_limit,
            memory: info.memory,
            bare_bridge: true,
            system: info.operating_system,
        })
    }

    fn parse_containers(&self, stdout: &[u8]) -> Result<Vec<ContainerRecord>, ParseError> {
        let containers: Vec<Container> = read("container inspect", stdout)?;
        Ok(containers.into_iter().map(ContainerRecord::from).collect())
    }

    fn parse_networks(&self, stdout: &[u8]) -> Result<Vec<NetworkRecord>, ParseError> {
        let networks: Vec<Network> = read("network inspect", stdout)?;
        Ok(networks.into_iter().map(NetworkRecord::from).collect())
    }

    fn parse_image(&self, stdout: &[u8]) -> Result<ImageRecord, ParseError> {
        let images: Vec<Image> = read("image inspect", stdout)?;
        Ok(images.into_iter().next().unwrap_or_default().into())
    }

    fn classify(&self, _status: i32, stderr: &str) -> ErrorKind {
        let words = [
            ("Cannot connect to the Docker daemon", ErrorKind::NotRunning),
            ("error during connect", ErrorKind::NotRunning),
            (
                "permission denied while trying to connect",
                ErrorKind::NoPermission,
            ),
            ("No such container", ErrorKind::Absent),
            ("No such image", ErrorKind::Absent),
            ("No such network", ErrorKind::Absent),
            ("pull access denied", ErrorKind::NoImage),
            ("manifest unknown", ErrorKind::NoImage),
            // In libnetwork's words; `conflicts with` is about the bridge of a network just made.
            ("Pool overlaps with other one", ErrorKind::Overlap),
            ("already in use", ErrorKind::Conflict),
            ("already exists", ErrorKind::Conflict),
            (
                "all predefined address pools have been fully subnetted",
                ErrorKind::NoAddresses,
            ),
            (
                "could not find an available, non-overlapping",
                ErrorKind::NoAddresses,
            ),
            ("no space left on device", ErrorKind::NoSpace),
            ("not found", ErrorKind::Absent),
        ];
        ErrorKind::first_of(stderr, &words)
    }

    fn capabilities(&self, info: &EngineInfo, _facts: &Facts) -> Capabilities {
        Capabilities {
            isolation: if info.numbers >= ISOLATED_GATEWAY {
                Isolation::IsolatedGateway
            } else {
                Isolation::InhibitedAddress
            },
            host_address: HostAddress::of(info),
            addresses: Addresses::Chosen,
            second_network: if info.numbers >= CREATES_ON_SEVERAL {
                SecondNetwork::AtCreation
            } else {
                SecondNetwork::Connected
            },
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
        (20, 10)
    }

    fn start_hint(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "open -a Docker"
        } else {
            "sudo systemctl start docker"
        }
    }

    fn install_hint(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "brew install --cask docker"
        } else {
            "sudo apt-get install docker.io"
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    server_version: String,
    #[serde(default)]
    security_options: Option<Vec<String>>,
    #[serde(default)]
    memory_limit: bool,
    #[serde(default)]
    pids_limit: bool,
    #[serde(default, rename = "MemTotal")]
    memory: Option<u64>,
    #[serde(default)]
    operating_system: String,
}

/// `container inspect`: docker's shape, which podman follows closely enough to share.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    name: String,
    #[serde(default)]
    created: Option<String>,
    state: State,
    config: Config,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    env: Option<Vec<String>>,
    #[serde(default)]
    user: Option<String>,
}

/// podman gives a container's entrypoint as one string and an image's as a list, so the two are read apart.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
    #[serde(default)]
    on_build: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(default)]
    networks: Option<BTreeMap<String, Attached>>,
}

/// Addresses are read leniently: an engine writes nothing, `<nil>` or `invalid IP` where there is none.
#[derive(Debug, Deserialize)]
struct Attached {
    #[serde(default, rename = "IPAddress")]
    address: Option<String>,
    #[serde(default, rename = "Gateway")]
    gateway: Option<String>,
}

impl From<Container> for ContainerRecord {
    fn from(raw: Container) -> Self {
        let ended =
            !raw.state.running && raw.state.status != "created" && raw.state.status != "configured";
        let networks = raw.network_settings.networks.unwrap_or_default();
        Self {
            name: raw.name.trim_start_matches('/').to_owned(),
            labels: raw.config.labels.unwrap_or_default(),
            running: raw.state.running,
            exit_code: ended.then_some(raw.state.exit_code),
            created: raw.created,
            networks: networks
                .into_iter()
                .map(|(name, attached)| (name, attached.into()))
                .collect(),
            env: raw.config.env.unwrap_or_default(),
            user: raw.config.user,
        }
    }
}

impl From<Attached> for Endpoint {
    fn from(raw: Attached) -> Self {
        let parse = |text: Option<String>| text.and_then(|text| text.parse::<IpAddr>().ok());
        Self {
            address: parse(raw.address),
            gateway: parse(raw.gateway),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Network {
    name: String,
    id: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    internal: bool,
    #[serde(default, rename = "IPAM")]
    ipam: Ipam,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default)]
    config: Option<Vec<Subnet>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Subnet {
    #[serde(default)]
    gateway: Option<String>,
}

impl From<Network> for NetworkRecord {
    fn from(raw: Network) -> Self {
        let named = raw
            .options
            .unwrap_or_default()
            .remove("com.docker.network.bridge.name");
        // docker's own rule: `br-` and the first twelve characters of the id.
        let derived = raw.id.get(..12).map(|id| format!("br-{id}"));
        let subnets = raw.ipam.config.unwrap_or_default();
        Self {
            name: raw.name,
            labels: raw.labels.unwrap_or_default(),
            bridge: named.or(derived),
            internal: raw.internal,
            gateways: subnets
                .into_iter()
                .filter_map(|subnet| subnet.gateway?.parse().ok())
                .collect(),
            created: raw.created,
        }
    }
}

/// `image inspect`: docker's shape, which podman shares.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    #[serde(default)]
    id: String,
    #[serde(default)]
    config: Option<ImageConfig>,
}

impl From<Image> for ImageRecord {
    fn from(raw: Image) -> Self {
        let config = raw.config.unwrap_or_default();
        Self {
            id: raw.id,
            platform: None,
            user: config.user.unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            on_build: config.on_build.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
