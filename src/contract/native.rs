//! What the CLI tells the static binary about a bottle without an engine, and what it learns.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::SidecarConfig;
use crate::guest::{Provision, Provisioned};

/// The port on which the sidecar serves the agent, on the loopback of the agent's own network.
pub const PROXY_PORT: u16 = 3128;
/// The audit log as the sidecar sees it.
pub const AUDIT_LOG: &str = "/audit/audit.jsonl";
/// The sidecar's control socket as the sidecar sees it.
pub const CONTROL: &str = "/run/bottle-control.sock";
/// What stands before the reason of a call that failed.
pub const COMPLAINT: &str = "bottle native: ";
/// What the agent has printed, in the bottle's folder.
pub const AGENT_LOG: &str = "agent.log";
/// What the sidecar has printed, in the bottle's folder.
pub const SIDECAR_LOG: &str = "sidecar.log";
/// The status that a detached agent ended with, in the bottle's folder.
pub const EXIT: &str = "exit";

/// What stands before the folder of a control group in the words of `native exec`.
pub const GROUP: &str = "group=";

/// What `native start` reads on standard input, as one JSON value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The launcher: a bottle that is not detached ends with it.
    pub launcher: Process,
    /// The bottle's folder: logs and the agent's status.
    pub folder: PathBuf,
    /// The folders of the control groups that the agent's processes belong into.
    pub groups: Vec<PathBuf>,
    /// The folder of the audit log.
    pub audit_dir: PathBuf,
    /// The resolver that the sidecar asks; `None` means this machine's.
    pub resolver: Option<IpAddr>,
    /// The sidecar's settings.
    pub sidecar: Box<SidecarConfig>,
    /// The agent's file system.
    pub agent: AgentRoot,
    /// The public roots (PEM).
    pub roots: String,
    /// What belongs to this bottle only; the CA is put in when the sidecar has made it.
    pub provision: Provision,
}

/// What the agent sees of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRoot {
    /// As whom it runs.
    pub user: Ids,
    /// The folder that its command starts in.
    pub workdir: PathBuf,
    /// The host's folder that lies there; `None` means one in memory.
    pub workspace: Option<Share>,
    /// More of the host's files and folders, read-only.
    pub paths: Vec<PathBuf>,
}

/// A user and a group, seen from both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The user in the bottle.
    pub uid: u32,
    /// The group in the bottle.
    pub gid: u32,
    /// The same user on the host.
    pub host_uid: u32,
    /// The same group on the host.
    pub host_gid: u32,
}

/// A folder of the host's in the bottle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The folder.
    pub source: PathBuf,
    /// What the agent may do there.
    pub access: Access,
    /// What of it has a mount of its own, and cannot be moved: a path in the folder, and what the agent
    /// may do there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guarded: Vec<(PathBuf, Access)>,
}

/// What an agent may do in a folder of the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read it.
    Read,
    /// Read and write it.
    Write,
}

/// A process that cannot be taken for another one that has its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since the machine was.
    pub started: u64,
}

/// Why a text names no process.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a process's number and start, as in `12:3456`")]
pub struct InvalidProcess {
    text: String,
}

/// What `native start` answers on standard output once the agent's place is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The process that everything in the bottle ends with.
    pub keeper: Process,
    /// The first process of the agent's.
    pub agent: Process,
    /// The sidecar.
    pub sidecar: Process,
    /// The one that the sidecar ends with.
    pub guard: Process,
    /// What came of the agent's preparation.
    pub provisioned: Provisioned,
}

impl Process {
    /// Reads the start from the text of `/proc/PID/stat`.
    pub fn from_stat(pid: u32, stat: &str) -> Option<Self> {
        // The name may hold blanks and brackets; behind its last bracket, the start is the 20th word.
        let (_, rest) = stat.rsplit_once(')')?;
        let started = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
        Some(Self { pid, started })
    }

    /// Tells from the text of `/proc/PID/stat` whether it has ended and only waits for its parent.
    pub fn has_ended(stat: &str) -> bool {
        let state = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_ascii_whitespace().next());
        matches!(state, None | Some("Z" | "X"))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.pid, self.started)
    }
}

impl FromStr for Process {
    type Err = InvalidProcess;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (pid, started) = text.split_once(':')?;
            Some(Self {
                pid: pid.parse().ok()?,
                started: started.parse().ok()?,
            })
        };
        read().ok_or_else(|| InvalidProcess {
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1 2 3";

    #[test]
    fn the_start_is_found_behind_any_name() {
        let process = Process::from_stat(42, STAT).unwrap();
        assert_eq!(process.to_string(), "42:777");
        assert_eq!("42:777".parse(), Ok(process));
        assert_eq!(Process::from_stat(42, "42 (a) S 1"), None);
        for bad in ["", "42", "42:", ":7", "-1:7"] {
            assert!(bad.parse::<Process>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_only_waits_for_its_parent_has_ended() {
        assert!(!Process::has_ended(STAT));
        assert!(Process::has_ended(&STAT.replace(" S ", " Z ")));
        assert!(Process::has_ended(""));
    }
}
