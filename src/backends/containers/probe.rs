//! Whether an engine can be used here, and what is missing when it cannot.

use std::path::Path;

use super::capabilities::{Capabilities, HostAddress, Isolation, MountOwner};
use super::dialect::Dialect;
use super::engine::Engine;
use super::error::{EngineError, ErrorKind};
use super::record::EngineInfo;
use crate::backends::backend::{Probe, Problem};
use crate::process::ProcessError;

/// Looks whether an engine can be used here, and keeps what it said.
pub(super) fn probe(engine: &Engine) -> (Probe, Option<EngineInfo>) {
    let dialect = engine.dialect();
    let mut probe = Probe {
        backend: dialect.name(),
        program: None,
        version: None,
        system: None,
        features: Vec::new(),
        problems: Vec::new(),
    };
    let located = match engine.locate() {
        Ok(located) => located,
        Err(error) => {
            probe.problems.push(not_installed(dialect, &error));
            return (probe, None);
        }
    };
    probe.program = Some(located.program().display().to_string());
    match located.info() {
        Ok(info) => {
            probe.problems.extend(too_old(dialect, &info));
            probe.features = features(&capabilities(dialect, &info));
            probe.version = Some(info.version.clone());
            probe.system = Some(info.system.clone());
            (probe, Some(info))
        }
        Err(error) => {
            probe.problems.push(no_answer(dialect, &error));
            (probe, None)
        }
    }
}

/// Says what the engine can do here, where the dialect alone cannot know.
pub(super) fn capabilities(dialect: &dyn Dialect, info: &EngineInfo) -> Capabilities {
    let can = dialect.capabilities(info);
    // A kernel without IPv6 has no setting to switch it off; elsewhere containers run on another kernel.
    let no_ipv6 = cfg!(target_os = "linux") && !Path::new("/proc/sys/net/ipv6").exists();
    Capabilities {
        ipv6: can.ipv6 && !no_ipv6,
        ..can
    }
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
        EngineError::Refused { .. } | EngineError::Process { .. } | EngineError::Parse { .. } => {
            dialect.start_hint().to_owned()
        }
    };
    Problem {
        what: error.to_string(),
        mend,
    }
}

fn too_old(dialect: &dyn Dialect, info: &EngineInfo) -> Option<Problem> {
    let (major, minor) = dialect.minimum();
    (info.numbers < (major, minor)).then(|| Problem {
        what: format!(
            "version {} is too old: {major}.{minor} or later is needed",
            info.version
        ),
        mend: dialect.install_hint().to_owned(),
    })
}

fn features(can: &Capabilities) -> Vec<String> {
    let isolation = match can.isolation {
        Isolation::IsolatedGateway => "the internal network has no gateway",
        Isolation::InhibitedAddress => "the internal network's bridge gets no IPv4 address",
        Isolation::NoResolver => {
            "the internal network has no resolver, and its bridge no IPv4 address"
        }
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
    let limits = if can.limits {
        "CPU, memory and processes can be limited"
    } else {
        "limits cannot be enforced here"
    };
    [isolation, host, owner, limits].map(str::to_owned).to_vec()
}
