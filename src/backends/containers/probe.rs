//! Whether an engine can be used here, and what is missing when it cannot.

use std::path::Path;

use super::capabilities::{
    Capabilities, HostAddress, Isolation, Limiting, LogBound, MountOwner, Sysctls,
};
use super::dialect::{Dialect, version_numbers};
use super::engine::Engine;
use super::error::{EngineError, ErrorKind};
use super::record::EngineInfo;
use crate::backends::backend::{Probe, Problem};
use crate::process::ProcessError;

/// Looks whether an engine can be used here, and keeps what it said.
pub(super) fn probe(engine: &Engine) -> (Probe, Option<EngineInfo>) {
    let mut probe = Probe {
        backend: engine.dialect().name(),
        program: None,
        version: None,
        system: None,
        features: Vec::new(),
        stopped: false,
        problems: Vec::new(),
    };
    match look(engine, &mut probe) {
        Ok(info) => {
            probe.features = features(&capabilities(engine, &info));
            probe.version = Some(info.version.clone());
            probe.system = Some(info.system.clone());
            (probe, Some(info))
        }
        Err(problem) => {
            probe.problems.push(problem);
            (probe, None)
        }
    }
}

/// Looks from the outside in, so that the first problem is the one to mend first.
fn look(engine: &Engine, probe: &mut Probe) -> Result<EngineInfo, Problem> {
    let dialect = engine.dialect();
    if let Some(problem) = dialect.unfit(engine.facts()) {
        return Err(problem);
    }
    let located = engine
        .locate()
        .map_err(|error| not_installed(dialect, &error))?;
    probe.program = Some(located.program().display().to_string());
    let version = located.version().map_err(|error| Problem {
        what: error.in_full(),
        mend: dialect.upgrade_hint().to_owned(),
    })?;
    if let Some(version) = &version {
        probe.version = Some(version.clone());
        check_version(dialect, version)?;
    }
    let info = located.info(version).map_err(|error| {
        probe.stopped = error.is_not_running();
        no_answer(dialect, &error)
    })?;
    probe.version = Some(info.version.clone());
    check_version(dialect, &info.version)?;
    Ok(info)
}

/// Says what the engine can do here, where the dialect alone cannot know.
pub(super) fn capabilities(engine: &Engine, info: &EngineInfo) -> Capabilities {
    let can = engine.dialect().capabilities(info, engine.facts());
    // A kernel without IPv6 has no setting to switch it off; elsewhere containers run on another kernel.
    let no_ipv6 = cfg!(target_os = "linux") && !Path::new("/proc/sys/net/ipv6").exists();
    let sysctls = match can.sysctls {
        Sysctls::Engine if no_ipv6 => Sysctls::EngineWithoutIpv6,
        other => other,
    };
    Capabilities { sysctls, ..can }
}

/// The problem of an engine that is not installed.
pub(super) fn not_installed(dialect: &dyn Dialect, error: &ProcessError) -> Problem {
    Problem {
        what: error.to_string(),
        mend: dialect.install_hint().to_owned(),
    }
}

fn no_answer(dialect: &dyn Dialect, error: &EngineError) -> Problem {
    let mend = match error {
        EngineError::Refused {
            kind: ErrorKind::NoPermission,
            ..
        } => {
            format!(
                "sudo usermod -aG {} \"$USER\"  # then log in again",
                dialect.name()
            )
        }
        EngineError::Refused { .. }
        | EngineError::Down { .. }
        | EngineError::NoBlock { .. }
        | EngineError::Process { .. }
        | EngineError::Parse { .. } => dialect.start_hint().to_owned(),
    };
    Problem {
        what: error.in_full(),
        mend,
    }
}

fn check_version(dialect: &dyn Dialect, version: &str) -> Result<(), Problem> {
    if version_numbers(version) >= dialect.minimum() {
        return Ok(());
    }
    Err(Problem {
        what: dialect.too_old(version),
        mend: dialect.upgrade_hint().to_owned(),
    })
}

fn features(can: &Capabilities) -> Vec<String> {
    let isolation = match can.isolation {
        Isolation::IsolatedGateway => "the internal network has no gateway",
        Isolation::InhibitedAddress => "the internal network's bridge gets no IPv4 address",
        Isolation::NoResolver => {
            "the internal network has no resolver, and its bridge no IPv4 address"
        }
        Isolation::HostGateway => "the internal network's gateway is the host",
    };
    let host = match can.host_address {
        HostAddress::Omitted => "the host cannot be reached from a bottle",
        HostAddress::Present => {
            "the host's services may answer a bottle at the gateway (`host-access` decides)"
        }
    };
    let owner = match can.mount_owner {
        MountOwner::SameId => "mounted folders keep their owner",
        MountOwner::RootIsUser => "mounted folders belong to the container's root (rootless)",
    };
    let limits = match can.limits {
        Limiting::Engine => "CPU, memory and processes can be limited",
        Limiting::Machine { .. } => {
            "whole CPUs and memory are limited by a virtual machine, processes from inside it"
        }
        Limiting::Nobody => "limits cannot be enforced here",
    };
    let log = match can.log {
        LogBound::Engine => None,
        LogBound::Nothing => Some("what a detached agent prints is kept without a bound"),
    };
    [isolation, host, owner, limits]
        .into_iter()
        .chain(log)
        .map(str::to_owned)
        .collect()
}
