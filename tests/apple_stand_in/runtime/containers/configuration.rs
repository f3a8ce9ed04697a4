//! What a container is to be: Apple's configuration, from the command line and the image (§3.1).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::runtime::context::Context;
use crate::runtime::engine::Image;
use crate::runtime::failure::{Done, Failure};
use crate::runtime::images;
use crate::runtime::spec::{
    Limit, Mount, MountKind, NetworkUse, Published, User, bytes, capabilities, container_labels,
    limits, mebibytes, merged_environment, mount, networks, own_environment, ports, tmpfs, user,
    volume,
};
use crate::runtime::time::now;
use crate::version::Version;

/// The daemon's floor (§2.1).
const LEAST_MEMORY: u64 = 200 << 20;
/// What `container.memory` is unless configured.
const DEFAULT_MEMORY: u64 = 1 << 30;

/// What a container is to be.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its name.
    pub(super) id: String,
    /// Its image.
    pub(super) image: Image,
    /// The image's stored reference.
    pub(super) reference: String,
    /// Its first process, with its arguments.
    pub(super) process: Vec<String>,
    /// The environment beside the image's.
    pub(super) environment: Vec<String>,
    /// The working directory, when it is not the image's.
    pub(super) workdir: Option<String>,
    /// The user.
    pub(super) user: User,
    /// Groups beside the user's own.
    pub(super) groups: Vec<u32>,
    /// The labels.
    pub(super) labels: BTreeMap<String, String>,
    /// The mounts; each volume has a name by now.
    pub(super) mounts: Vec<Mount>,
    /// The networks.
    pub(super) networks: Vec<NetworkUse>,
    /// The published ports.
    pub(super) ports: Vec<Published>,
    /// The limits.
    pub(super) limits: Vec<Limit>,
    /// Capabilities to add.
    pub(super) cap_add: Vec<String>,
    /// Capabilities to drop.
    pub(super) cap_drop: Vec<String>,
    /// Processors.
    pub(super) cpus: u64,
    /// Memory in bytes.
    pub(super) memory: u64,
    /// The size of `/dev/shm`.
    pub(super) shm: Option<u64>,
    /// Apple's `dns`; absent with `--no-dns`.
    pub(super) dns: Option<Value>,
}

/// What vsock, the VM and Rosetta do has no counterpart on the engines.
const LACKING: [&str; 10] = [
    "publish-socket",
    "ssh",
    "rosetta",
    "virtualization",
    "kernel",
    "kernel-arg",
    "init-image",
    "runtime",
    "masked-path",
    "read-only-path",
];

/// Reads the command line of `run` and `create`.
pub(super) fn wanted(context: &Context<'_>, id: &str) -> Result<Wanted, Failure> {
    let parsed = context.parsed;
    refuse(context)?;
    let reference = context.word("image")?;
    let networks = networks(parsed.values("network"))?;
    let memory = parsed
        .value("memory")
        .map_or(Ok(DEFAULT_MEMORY), mebibytes)?;
    let cwd = working_directory()?;
    let (image, reference) = images::for_container(context, reference)?;
    let process = process(context, &image)?;
    let environment = own_environment(parsed.values("env-file"), parsed.values("env"), &|name| {
        std::env::var(name).ok()
    })?;
    let fallback = image
        .text("User")
        .map_or(User::Id { uid: 0, gid: 0 }, User::Raw);
    let number = |name: &str| parsed.value(name).and_then(|value| value.parse().ok());
    let (user, groups) = user(parsed.value("user"), number("uid"), number("gid"), fallback);
    let wanted = Wanted {
        id: id.to_owned(),
        reference,
        process,
        environment,
        workdir: parsed.value("workdir").map(str::to_owned),
        user,
        groups,
        labels: container_labels(parsed.values("label"))?,
        mounts: mounts(context, &cwd)?,
        networks,
        ports: ports(parsed.values("publish"))?,
        limits: limits(parsed.values("ulimit"))?,
        cap_add: capabilities(parsed.values("cap-add"))?,
        cap_drop: capabilities(parsed.values("cap-drop"))?,
        cpus: parsed
            .value("cpus")
            .and_then(|cpus| cpus.parse().ok())
            .unwrap_or(4),
        memory,
        shm: parsed.value("shm-size").map(bytes).transpose()?,
        dns: (!parsed.flag("no-dns")).then(|| dns(context)),
        image,
    };
    enough_memory(wanted.memory)?;
    Ok(wanted)
}

fn refuse(context: &Context<'_>) -> Done {
    let parsed = context.parsed;
    let dns = ["dns", "dns-domain", "dns-option", "dns-search"];
    if parsed.flag("no-dns") && dns.iter().any(|name| !parsed.values(name).is_empty()) {
        return Err(Failure::Validation(
            "`--no-dns` cannot be used with any other DNS configuration flags".to_owned(),
        ));
    }
    let scheme = parsed.value("scheme").unwrap_or("auto");
    if !matches!(scheme, "auto" | "http" | "https") {
        return Err(Failure::invalid(format!("unsupported scheme {scheme}")));
    }
    context.refuse_options(&LACKING)
}

fn enough_memory(memory: u64) -> Done {
    if memory >= LEAST_MEMORY {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "minimum memory amount allowed is 200 MiB (got {memory} bytes)"
    )))
}

fn working_directory() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| Failure::Other(error.to_string()))
}

/// The entry point and the arguments; one that is given puts the image's command out of force.
fn process(context: &Context<'_>, image: &Image) -> Result<Vec<String>, Failure> {
    let given = context
        .parsed
        .value("entrypoint")
        .filter(|it| !it.is_empty());
    let arguments = context.parsed.words("arguments");
    let mut process = given.map_or_else(|| image.list("Entrypoint"), |it| vec![it.to_owned()]);
    if !arguments.is_empty() {
        process.extend(arguments.iter().cloned());
    } else if given.is_none() {
        process.extend(image.list("Cmd"));
    }
    if process.is_empty() {
        return Err(Failure::invalid(
            "command/entrypoint not specified for container process",
        ));
    }
    Ok(process)
}

fn mounts(context: &Context<'_>, cwd: &std::path::Path) -> Result<Vec<Mount>, Failure> {
    let parsed = context.parsed;
    let mut mounts: Vec<Mount> = Vec::new();
    let tmpfs = parsed.values("tmpfs").iter().map(|text| tmpfs(text));
    let volumes = parsed.values("volume").iter().map(|text| volume(text, cwd));
    let general = parsed.values("mount").iter().map(|text| mount(text, cwd));
    for read in tmpfs.chain(volumes).chain(general) {
        let mut read = read?;
        if let MountKind::Volume { name: name @ None } = &mut read.kind {
            *name = Some(uuid()?);
        }
        mounts.push(read);
    }
    Ok(mounts)
}

/// Makes a lower-case UUID.
pub(crate) fn uuid() -> Result<String, Failure> {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map(|text| text.trim().to_owned())
        .map_err(|error| Failure::Other(error.to_string()))
}

/// Reads the options of DNS, which `build` and `builder start` have, too.
pub(crate) fn dns(context: &Context<'_>) -> Value {
    let parsed = context.parsed;
    let mut dns = json!({
        "nameservers": parsed.values("dns"),
        "options": parsed.values("dns-option"),
        "searchDomains": parsed.values("dns-search"),
    });
    if let (Some(domain), Some(map)) = (parsed.value("dns-domain"), dns.as_object_mut()) {
        map.insert("domain".to_owned(), Value::from(domain));
    }
    dns
}

impl Wanted {
    /// Returns Apple's configuration.
    pub(super) fn configuration(&self, context: &Context<'_>) -> Value {
        let parsed = context.parsed;
        let executable = self.process.first();
        let arguments: Vec<&String> = self.process.iter().skip(1).collect();
        let workdir = self
            .workdir
            .clone()
            .or_else(|| self.image.text("WorkingDir"));
        let mut configuration = json!({
            "id": self.id,
            "image": {
                "reference": self.reference,
                "descriptor": images::descriptor(&self.image),
            },
            "mounts": self.mounts.iter().map(mount_json).collect::<Vec<_>>(),
            "publishedPorts": self.ports.iter().map(port_json).collect::<Vec<_>>(),
            "publishedSockets": [],
            "labels": self.labels,
            "sysctls": {},
            "networks": self.networks.iter().map(|it| self.network_json(it)).collect::<Vec<_>>(),
            "rosetta": false,
            "initProcess": {
                "executable": executable,
                "arguments": arguments,
                "environment": merged_environment(&self.image.list("Env"), &self.environment),
                "workingDirectory": workdir.unwrap_or_else(|| "/".to_owned()),
                "terminal": parsed.flag("tty"),
                "user": user_json(&self.user),
                "supplementalGroups": self.groups,
                "rlimits": self.limits.iter().map(limit_json).collect::<Vec<_>>(),
            },
            "platform": {"os": "linux", "architecture": self.image.architecture()},
            "resources": {"cpus": self.cpus, "memoryInBytes": self.memory, "cpuOverhead": 1},
            "runtimeHandler": "container-runtime-linux",
            "virtualization": false,
            "ssh": false,
            "readOnly": parsed.flag("read-only"),
            "useInit": parsed.flag("init"),
            "capAdd": self.cap_add,
            "capDrop": self.cap_drop,
            "creationDate": now(),
        });
        if let Some(map) = configuration.as_object_mut() {
            self.optional_parts(map, context.version);
        }
        configuration
    }

    /// Adds what is omitted when it is absent.
    fn optional_parts(&self, map: &mut Map<String, Value>, version: Version) {
        let stop_signal = self.image.text("StopSignal").map(Value::from);
        let parts = [
            ("dns", self.dns.clone()),
            ("shmSize", self.shm.map(Value::from)),
            (
                "stopSignal",
                stop_signal.filter(|_| version >= Version::V1_0_0),
            ),
        ];
        for (key, value) in parts {
            map.extend(value.map(|value| (key.to_owned(), value)));
        }
    }

    fn network_json(&self, network: &NetworkUse) -> Value {
        let mut options = json!({"hostname": self.id, "mtu": network.mtu});
        if let (Some(mac), Some(map)) = (&network.mac, options.as_object_mut()) {
            map.insert(
                "macAddress".to_owned(),
                Value::from(mac.to_ascii_lowercase()),
            );
        }
        json!({"network": network.name, "options": options})
    }
}

fn user_json(user: &User) -> Value {
    match user {
        User::Raw(text) => json!({"raw": {"userString": text}}),
        User::Id { uid, gid } => json!({"id": {"uid": uid, "gid": gid}}),
    }
}

fn limit_json(limit: &Limit) -> Value {
    let name = format!("RLIMIT_{}", limit.kind.to_ascii_uppercase());
    json!({"limit": name, "soft": limit.soft, "hard": limit.hard})
}

fn port_json(port: &Published) -> Value {
    json!({
        "hostAddress": port.address.to_string(),
        "hostPort": port.host,
        "containerPort": port.container,
        "proto": port.protocol,
        "count": port.count,
    })
}

fn mount_json(mount: &Mount) -> Value {
    let (kind, source) = match &mount.kind {
        MountKind::Host { source } => (json!({"virtiofs": {}}), source.clone()),
        MountKind::Tmpfs => (json!({"tmpfs": {}}), "tmpfs".to_owned()),
        MountKind::Volume { name } => {
            let name = name.clone().unwrap_or_default();
            let source = crate::runtime::volumes::image_path(&name);
            let volume = json!({
                "name": name, "format": "ext4", "cache": {"on": {}}, "sync": {"fsync": {}},
            });
            (json!({"volume": volume}), source)
        }
    };
    json!({
        "type": kind,
        "source": source,
        "destination": mount.destination,
        "options": mount.options,
    })
}
