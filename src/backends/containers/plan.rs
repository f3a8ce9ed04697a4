//! A launch as data: what is to be made, in which shape, and what a person should know about it.
//!
//! Pure: the request, the engine's capabilities and the image's description go in, specifications
//! come out, or a refusal of what could not be enforced.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use bottle_contract::guest;
use bottle_contract::id::Role;
use bottle_contract::policy::Route;

use super::capabilities::{
    Addresses, Capabilities, HostAddress, Limiting, LogBound, MountOwner, Names, SecondNetwork,
    Sysctls, Wall,
};
use super::mounts::{check_mount_path, left_open, workspace_mounts};
use super::record::ImageRecord;
use super::request::{
    Access, ContainerSpec, Mount, NetworkKind, NetworkSpec, Owner, Request, Resolver, RootFs,
    Scratch, SpecLimits, Subnet,
};
use crate::backends::backend::BackendError;
use crate::backends::request::{
    HostAccess, ImageSource, LaunchRequest, Limits, RootAccess, UserChoice,
};

/// The port on which the sidecar serves the agent; squid's, which many tools know.
pub(super) const PROXY_PORT: u16 = 3128;
/// Where the sidecar's binary lies in its image.
pub(super) const SIDECAR_PROGRAM: &str = "/bottle-sidecar";
/// Where the audit folder is mounted in the sidecar.
const AUDIT_DIR: &str = "/audit";
/// The audit log as the sidecar sees it.
pub(super) const AUDIT_LOG: &str = "/audit/audit.jsonl";
/// A sidecar needs under 20 MiB with 200 connections. An agent and an origin that both let 1,024
/// streams stand still make it hold 256 MiB, and it must not end by that; no more than twice as much
/// is a bug's to take from the host.
const SIDECAR_MEMORY: u64 = 512 * 1024 * 1024;
/// A sidecar runs one thread per core, and a `ctl` now and then.
const SIDECAR_PIDS: u32 = 128;
/// As many processes and threads as an agent has by default: enough for a parallel build, too few for a fork bomb.
const AGENT_PIDS: u32 = 4096;

/// The images of a launch, by name.
#[derive(Clone, Debug)]
pub(super) struct Images {
    /// The sidecar's.
    pub(super) sidecar: String,
    /// The agent's, with the guest in it.
    pub(super) agent: String,
    /// The agent's image before the guest was put in.
    pub(super) base: ImageRecord,
}

/// A launch as data.
#[derive(Clone, Debug)]
pub(super) struct LaunchPlan {
    pub(super) internal: NetworkSpec,
    pub(super) egress: NetworkSpec,
    pub(super) sidecar: ContainerSpec,
    pub(super) agent: ContainerSpec,
    /// What the agent runs.
    pub(super) command: Vec<String>,
    /// How many processes and threads the guest lets the agent have, where the engine does not bound them.
    pub(super) processes: Option<u32>,
    /// Who keeps the agent's packets from the host's bridge.
    pub(super) wall: Wall,
    /// What to do when the host answers on the internal network.
    pub(super) host_access: HostAccess,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// The user in the agent's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AgentUser {
    /// `user` or `user:group`, as an engine takes it.
    pub(super) spec: String,
    /// Why this one.
    pub(super) why: &'static str,
}

impl LaunchPlan {
    /// Plans a launch, or refuses what could not be enforced.
    pub(super) fn new(
        request: &LaunchRequest,
        can: &Capabilities,
        images: &Images,
    ) -> Result<Self, BackendError> {
        let user = agent_user(&request.user, &images.base.user);
        check(request, can, &user)?;
        let mounts = workspace_mounts(request, can, &user)?;
        let id = &request.labels.id;
        let network = |role, kind| NetworkSpec {
            name: id.resource(role),
            labels: request.labels.for_role(role),
            kind,
            subnet: match (can.addresses, request.subnets) {
                (Addresses::Chosen, _) | (_, Some(_)) => Some(Subnet::Free),
                (Addresses::Engine, None) => None,
            },
        };
        let host_access = request.host_access.unwrap_or(match can.host_address {
            HostAddress::Omitted => HostAccess::Refuse,
            HostAddress::Present => HostAccess::Warn,
        });
        Ok(Self {
            internal: network(Role::Internal, NetworkKind::Internal(can.isolation)),
            egress: network(Role::Egress, NetworkKind::Egress),
            sidecar: sidecar_spec(request, can, images)?,
            agent: agent_spec(request, can, images, &user, mounts),
            command: agent_command(request, &images.base)?,
            processes: processes(request, can, &user),
            wall: can.wall,
            host_access,
            notes: notes(request, can, &user),
        })
    }

    /// Returns the call that puts the sidecar between the networks, where its creation did not.
    pub(super) fn connect(&self) -> Option<Request> {
        let between = self.sidecar.networks.contains(&self.internal.name);
        (!between).then(|| Request::Connect {
            network: self.internal.name.clone(),
            container: self.sidecar.name.clone(),
        })
    }
}

/// Refuses what could not be enforced, as far as it does not depend on the image: before there is one.
pub(super) fn check_before_images(
    request: &LaunchRequest,
    can: &Capabilities,
) -> Result<(), BackendError> {
    // An image's own user is never root for us, so root is asked for or not there.
    let user = agent_user(&request.user, "");
    check(request, can, &user)?;
    workspace_mounts(request, can, &user)?;
    sidecar_resolver(request, can).map(drop)
}

fn check(
    request: &LaunchRequest,
    can: &Capabilities,
    user: &AgentUser,
) -> Result<(), BackendError> {
    check_image(request)?;
    check_limits(request, can, user)?;
    check_ipv6(request, can, user)?;
    let audit = &request.sidecar.audit_dir;
    check_mount_path(audit, can, "name another folder with `BOTTLE_STATE_DIR`")?;
    // The folder is a mount, or a folder in memory.
    let workdir = Path::new(&request.workdir);
    check_mount_path(workdir, can, "name another folder with `workdir`")
}

/// A container is made of an image.
fn check_image(request: &LaunchRequest) -> Result<(), BackendError> {
    if request.image != ImageSource::Host {
        return Ok(());
    }
    Err(BackendError::Refused {
        what: "the manifest names no image".to_owned(),
        hint: "add `[image]` with `reference = \"…\"` or `dockerfile = \"…\"`, or give `--image`"
            .to_owned(),
    })
}

/// Root can switch on again what the guest switched off from inside.
fn check_ipv6(
    request: &LaunchRequest,
    can: &Capabilities,
    user: &AgentUser,
) -> Result<(), BackendError> {
    let refuses = request.host_access == Some(HostAccess::Refuse);
    if can.sysctls != Sysctls::Inside || !is_root(&user.spec) || !refuses {
        return Ok(());
    }
    Err(BackendError::Refused {
        what: "the host cannot be kept from a root agent: this engine leaves IPv6 to be switched off from inside, and root can switch it on again".to_owned(),
        hint: "drop `user = \"root\"` in `[image]`, or accept the host's services with `host-access = \"warn\"` in `[seal]`".to_owned(),
    })
}

/// Chooses the user: never root unless it was asked for.
pub(super) fn agent_user(choice: &UserChoice, image_user: &str) -> AgentUser {
    match choice {
        UserChoice::Root => AgentUser {
            spec: "0:0".to_owned(),
            why: "the manifest asks for root",
        },
        UserChoice::Numeric { uid, gid } => AgentUser {
            spec: format!("{uid}:{gid}"),
            why: "the manifest names it",
        },
        UserChoice::Unprivileged { uid, gid } if is_root(image_user) => AgentUser {
            spec: format!("{uid}:{gid}"),
            why: "the image's own user is root",
        },
        UserChoice::Unprivileged { .. } => AgentUser {
            spec: image_user.to_owned(),
            why: "the image's own user",
        },
    }
}

pub(super) fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    // Engines read `00` as a number too. A name for user 0 is found when the image is prepared.
    matches!(name, "" | "root") || name.parse::<u32>() == Ok(0)
}

fn agent_command(request: &LaunchRequest, base: &ImageRecord) -> Result<Vec<String>, BackendError> {
    let own = || {
        base.entrypoint
            .iter()
            .chain(&base.command)
            .cloned()
            .collect()
    };
    let command = request.command.clone().unwrap_or_else(own);
    if command.is_empty() {
        return Err(BackendError::Refused {
            what: "there is nothing to run: neither the manifest nor the image names a command"
                .to_owned(),
            hint: "set `command` in the manifest, or give one after `--`".to_owned(),
        });
    }
    Ok(command)
}

fn check_limits(
    request: &LaunchRequest,
    can: &Capabilities,
    user: &AgentUser,
) -> Result<(), BackendError> {
    let Limits { cpus, memory, pids } = request.limits;
    let refused = |what: String, hint: &str| {
        Err(BackendError::Refused {
            what,
            hint: hint.to_owned(),
        })
    };
    match can.limits {
        Limiting::Nobody if cpus.is_some() || memory.is_some() || pids.is_some() => refused(
            "the manifest limits CPU, memory or processes, and this engine cannot enforce limits here"
                .to_owned(),
            "run the engine as root, use a system with cgroup v2, or drop `[resources]`",
        ),
        Limiting::Engine | Limiting::Nobody => Ok(()),
        Limiting::Machine { least_memory } => {
            if cpus.is_some_and(|cpus| cpus.fract() != 0.0) {
                return refused(
                    "this engine gives whole CPUs only".to_owned(),
                    "set `cpus` in `[resources]` to a whole number",
                );
            }
            if memory.is_some_and(|memory| memory < least_memory) {
                return refused(
                    format!("this engine gives {} MiB of memory at least", least_memory >> 20),
                    "raise `memory` in `[resources]`",
                );
            }
            if pids.is_some() && is_root(&user.spec) {
                return refused(
                    "the manifest limits processes, and this engine leaves that to the guest, which cannot limit root".to_owned(),
                    "drop `pids` in `[resources]`, or `user = \"root\"` in `[image]`",
                );
            }
            Ok(())
        }
    }
}

/// A bound of the kernel's on one user's processes, which root does not have.
fn processes(request: &LaunchRequest, can: &Capabilities, user: &AgentUser) -> Option<u32> {
    match can.limits {
        Limiting::Machine { .. } if !is_root(&user.spec) => {
            Some(request.limits.pids.unwrap_or(AGENT_PIDS))
        }
        Limiting::Machine { .. } | Limiting::Engine | Limiting::Nobody => None,
    }
}

fn is_pinned(route: &Route) -> bool {
    route.address.is_some()
}

/// The resolver of a container, or of a step of a build: the one that was named, this machine's, or
/// the manifest's, in this order.
pub(super) fn resolver(request: &LaunchRequest, can: &Capabilities) -> Option<IpAddr> {
    let settings = &request.sidecar;
    match can.names {
        Names::Engine => None,
        Names::Stated { host, .. } => settings.resolver.or(host).or(settings.fallback_resolver),
    }
}

/// What the sidecar asks for names. It needs nobody when every route has its address.
fn sidecar_resolver(request: &LaunchRequest, can: &Capabilities) -> Result<Resolver, BackendError> {
    let Names::Stated { variable, .. } = can.names else {
        return Ok(Resolver::Engine);
    };
    if request.sidecar.policy.routes.iter().all(is_pinned) {
        return Ok(Resolver::Nobody);
    }
    let address = resolver(request, can).ok_or_else(|| BackendError::Refused {
        what: "the sidecar has no resolver to ask: this machine's settings name no IPv4 resolver that a container can reach, and this engine's own is not to be relied on".to_owned(),
        hint: format!("name one with `{variable}`, or with `fallback-resolver` in `[egress]`"),
    })?;
    Ok(Resolver::At(address.to_string()))
}

fn sidecar_spec(
    request: &LaunchRequest,
    can: &Capabilities,
    images: &Images,
) -> Result<ContainerSpec, BackendError> {
    let id = &request.labels.id;
    let (uid, gid) = match can.mount_owner {
        MountOwner::SameId => request.sidecar.owner,
        MountOwner::RootIsUser => (0, 0),
    };
    let egress = id.resource(Role::Egress);
    let networks = match can.second_network {
        SecondNetwork::AtCreation => vec![egress, id.resource(Role::Internal)],
        SecondNetwork::Connected => vec![egress],
    };
    Ok(ContainerSpec {
        name: id.resource(Role::Sidecar),
        hostname: "sidecar".to_owned(),
        image: images.sidecar.clone(),
        labels: request.labels.for_role(Role::Sidecar),
        networks,
        user: format!("{uid}:{gid}"),
        entrypoint: SIDECAR_PROGRAM.to_owned(),
        args: vec!["serve".to_owned()],
        sysctls: sidecar_sysctls(can),
        resolver: sidecar_resolver(request, can)?,
        root: RootFs::ReadOnly {
            scratch: vec![Scratch {
                folder: "/run".to_owned(),
                mode: 0o1777,
            }],
        },
        mounts: vec![Mount {
            source: request.sidecar.audit_dir.clone(),
            target: AUDIT_DIR.to_owned(),
            access: Access::Write,
            owner: Owner::Bottle,
        }],
        limits: enforceable(
            can,
            SpecLimits {
                pids: Some(SIDECAR_PIDS),
                memory: Some(SIDECAR_MEMORY),
                cpus: None,
            },
        ),
    })
}

fn agent_spec(
    request: &LaunchRequest,
    can: &Capabilities,
    images: &Images,
    user: &AgentUser,
    mounts: Vec<Mount>,
) -> ContainerSpec {
    let id = &request.labels.id;
    ContainerSpec {
        name: id.resource(Role::Agent),
        hostname: id.to_string(),
        image: images.agent.clone(),
        labels: request.labels.for_role(Role::Agent),
        networks: vec![id.resource(Role::Internal)],
        user: user.spec.clone(),
        entrypoint: guest::GUEST.to_owned(),
        args: vec!["init".to_owned()],
        sysctls: agent_sysctls(can),
        // Names are resolved by the sidecar only.
        resolver: Resolver::Nobody,
        root: agent_root(request, &mounts),
        mounts,
        limits: enforceable(
            can,
            SpecLimits {
                pids: Some(request.limits.pids.unwrap_or(AGENT_PIDS)),
                // Half of what there is, so that a leak in the bottle does not take the host down.
                memory: request.limits.memory.or(can.memory.map(|bytes| bytes / 2)),
                cpus: request.limits.cpus,
            },
        ),
    }
}

/// A container inherits forwarding from the host; with it on, packets could pass through the sidecar,
/// which looks at the same settings before it serves.
fn sidecar_sysctls(can: &Capabilities) -> BTreeMap<&'static str, &'static str> {
    let ipv4 = ("net.ipv4.ip_forward", "0");
    match can.sysctls {
        Sysctls::Engine => BTreeMap::from([ipv4, ("net.ipv6.conf.all.forwarding", "0")]),
        Sysctls::EngineWithoutIpv6 => BTreeMap::from([ipv4]),
        Sysctls::Inside => BTreeMap::new(),
    }
}

/// The host's bridge has an IPv6 link-local address on every engine; without IPv6 the agent cannot reach it.
fn agent_sysctls(can: &Capabilities) -> BTreeMap<&'static str, &'static str> {
    match can.sysctls {
        Sysctls::Engine => BTreeMap::from([
            ("net.ipv6.conf.all.disable_ipv6", "1"),
            ("net.ipv6.conf.default.disable_ipv6", "1"),
        ]),
        Sysctls::EngineWithoutIpv6 | Sysctls::Inside => BTreeMap::new(),
    }
}

/// Everybody's folders in memory: the container has one user. Only ours is root's alone.
fn agent_root(request: &LaunchRequest, mounts: &[Mount]) -> RootFs {
    if request.root == RootAccess::Writable {
        return RootFs::Writable;
    }
    let open = |folder: &str| Scratch {
        folder: folder.to_owned(),
        mode: 0o1777,
    };
    let mut scratch: Vec<Scratch> = ["/tmp", "/run", guest::HOME].map(open).into();
    scratch.push(Scratch {
        folder: guest::RUN_DIR.to_owned(),
        mode: 0o755,
    });
    if mounts.is_empty() {
        scratch.push(open(&request.workdir));
    }
    RootFs::ReadOnly { scratch }
}

/// What the engine is told; the rest of what was asked for is the guest's, or was refused.
fn enforceable(can: &Capabilities, limits: SpecLimits) -> SpecLimits {
    match can.limits {
        Limiting::Engine => limits,
        Limiting::Machine { .. } => SpecLimits {
            pids: None,
            ..limits
        },
        Limiting::Nobody => SpecLimits {
            pids: None,
            memory: None,
            cpus: None,
        },
    }
}

fn notes(request: &LaunchRequest, can: &Capabilities, user: &AgentUser) -> Vec<String> {
    let mut notes = vec![format!(
        "the agent runs as user {} ({}), without any capability",
        user.spec, user.why
    )];
    if is_root(&user.spec) {
        notes.push(
            "root in the bottle owns the bottle's files; it has no capability and gains none"
                .to_owned(),
        );
    }
    if can.host_address == HostAddress::Present {
        notes.push("this engine leaves the host an address on the internal network: services that listen on every address may answer there".to_owned());
    }
    if can.limits == Limiting::Nobody {
        notes.push("this engine cannot limit processes, memory or CPU here".to_owned());
    }
    if is_root(&user.spec) && can.sysctls == Sysctls::Inside {
        notes.push(
            "IPv6 is switched off from inside, where this engine lets it, and root can switch it on again"
                .to_owned(),
        );
    }
    if can.log == LogBound::Nothing {
        notes.push("this engine keeps what a detached agent prints without a bound".to_owned());
    }
    notes.extend(left_open(request, can));
    if request.root == RootAccess::ReadOnly {
        notes.push("the root file system is read-only, so the system's trust store is left as it is; the CA variables are set".to_owned());
    }
    notes
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(super) mod tests;
