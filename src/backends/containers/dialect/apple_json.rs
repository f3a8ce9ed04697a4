//! The JSON of Apple's `container` from 1.0.0 on.
//!
//! Whatever is nil is left out, later versions add keys, and the order means nothing: only what is
//! used is read, and nearly all of it may be absent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::super::record::{ContainerRecord, Endpoint, EngineInfo, ImageRecord, NetworkRecord};

/// `system status`: its other keys were nested in 1.5, this one stands in all versions.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) status: String,
}

impl From<Status> for EngineInfo {
    fn from(_: Status) -> Self {
        Self {
            // The program tells, and not this.
            version: String::new(),
            numbers: (0, 0),
            rootless: false,
            limits: true,
            memory: None,
            bare_bridge: false,
            system: "a virtual machine for each container".to_owned(),
        }
    }
}

/// One of `list`, `inspect` or `builder status`.
#[derive(Debug, Deserialize)]
pub(super) struct Container {
    id: String,
    configuration: Configuration,
    status: State,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    networks: Vec<Requested>,
    #[serde(default)]
    creation_date: Option<String>,
    #[serde(default)]
    init_process: InitProcess,
}

#[derive(Debug, Default, Deserialize)]
struct InitProcess {
    #[serde(default)]
    environment: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Requested {
    network: String,
}

#[derive(Debug, Deserialize)]
struct State {
    state: String,
    #[serde(default)]
    networks: Vec<Attachment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    network: String,
    #[serde(default)]
    ipv4_address: Option<String>,
    #[serde(default)]
    ipv4_gateway: Option<String>,
}

impl From<Container> for ContainerRecord {
    fn from(raw: Container) -> Self {
        // What was asked for stays when the container stops; what it got does not.
        let mut networks: BTreeMap<String, Endpoint> = raw
            .configuration
            .networks
            .into_iter()
            .map(|requested| (requested.network, Endpoint::default()))
            .collect();
        networks.extend(raw.status.networks.into_iter().map(|got| {
            let endpoint = Endpoint {
                address: got.ipv4_address.as_deref().and_then(address),
                gateway: got.ipv4_gateway.as_deref().and_then(address),
            };
            (got.network, endpoint)
        }));
        Self {
            name: raw.id,
            labels: raw.configuration.labels,
            running: raw.status.state == "running",
            // No JSON tells how a process ended.
            exit_code: None,
            created: raw.configuration.creation_date,
            networks,
            env: raw.configuration.init_process.environment,
            // It is told in another shape for each way to name one.
            user: None,
        }
    }
}

/// `192.168.64.2/24` or without the prefix's length.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.parse().ok()
}

/// One of `network list` or `network inspect`.
#[derive(Debug, Deserialize)]
pub(super) struct Network {
    id: String,
    configuration: NetworkConfiguration,
    #[serde(default)]
    status: NetworkStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkConfiguration {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    creation_date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkStatus {
    #[serde(default)]
    ipv4_gateway: Option<String>,
}

impl From<Network> for NetworkRecord {
    fn from(raw: Network) -> Self {
        Self {
            name: raw.id,
            labels: raw.configuration.labels,
            bridge: None,
            internal: raw.configuration.mode == "hostOnly",
            gateways: raw
                .status
                .ipv4_gateway
                .as_deref()
                .and_then(address)
                .into_iter()
                .collect(),
            created: raw.configuration.creation_date,
        }
    }
}

/// One of `image inspect`: several platforms under one name.
#[derive(Debug, Deserialize)]
pub(super) struct Image {
    id: String,
    #[serde(default)]
    variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
struct Variant {
    platform: Platform,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    config: Document,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

/// The OCI image's own description.
#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    config: Option<Settings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
}

/// Describes the variant that a Mac runs; where there is none, the first one for Linux.
pub(super) fn image(images: Vec<Image>) -> ImageRecord {
    let Some(image) = images.into_iter().next() else {
        return ImageRecord::default();
    };
    let linux = |variant: &Variant| variant.platform.os == "linux";
    let mut variants: Vec<Variant> = image.variants.into_iter().filter(linux).collect();
    variants.sort_by_key(|variant| variant.platform.architecture != "arm64");
    let Some(variant) = variants.into_iter().next() else {
        return ImageRecord {
            id: image.id,
            ..ImageRecord::default()
        };
    };
    let settings = variant.config.config.unwrap_or_default();
    let Platform { os, architecture } = variant.platform;
    ImageRecord {
        id: if variant.digest.is_empty() {
            image.id
        } else {
            variant.digest
        },
        platform: Some(format!("{os}/{architecture}")),
        user: settings.user.unwrap_or_default(),
        entrypoint: settings.entrypoint.unwrap_or_default(),
        command: settings.cmd.unwrap_or_default(),
        on_build: Vec::new(),
    }
}
