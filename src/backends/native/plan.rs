//! A launch as data: what is refused, who the agent is, and what would be done. Pure.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bottle_contract::guest::HOME;
use bottle_contract::id::Role;
use bottle_contract::native::{Access, AgentRoot, Ids, Share};

use super::backend::NAME;
use super::group::Groups;
use crate::backends::backend::BackendError;
use crate::backends::request::{
    Guarded, ImageSource, LaunchRequest, Limits, Plan, RootAccess, Sharing, Step, UserChoice,
};

/// As many processes and threads as an agent has by default: enough for a parallel build, too few
/// for a fork bomb.
const AGENT_PIDS: u32 = 4096;
/// The host's user that is nobody: what root in a bottle of the host's root is.
const NOBODY: u32 = 65534;

/// Refuses what could not be enforced.
pub(super) fn check(request: &LaunchRequest) -> Result<(), BackendError> {
    let refused = |what: &str, hint: &str| {
        Err(BackendError::Refused {
            what: what.to_owned(),
            hint: hint.to_owned(),
        })
    };
    // An image of nothing asks for no program that could be missing here.
    if !matches!(request.image, ImageSource::Host | ImageSource::Empty) {
        return refused(
            "the manifest names an image, and a native bottle has none: the agent would see this machine's own programs instead",
            "give `--ignore-image` if those will do, or use an engine: `--backend docker`",
        );
    }
    groups(request)?;
    command(request).map(drop)
}

/// Returns the control groups that bound the agent's memory and processors, where the manifest does.
pub(super) fn groups(request: &LaunchRequest) -> Result<Option<Groups>, BackendError> {
    let found = Groups::find(Path::new("/"), &request.limits);
    found.map_err(|why| BackendError::Refused {
        what: format!("the manifest limits memory or processors, and that cannot be enforced: {why}"),
        hint: "start bottle in a group of its own (`systemd-run --user --scope -p Delegate=yes -p CPUWeight=100 bottle …`), drop `memory` and `cpus` in `[resources]`, or use an engine: `--backend docker`".to_owned(),
    })
}

/// Returns what the agent runs.
pub(super) fn command(request: &LaunchRequest) -> Result<Vec<String>, BackendError> {
    match &request.command {
        Some(command) if !command.is_empty() => Ok(command.clone()),
        Some(_) | None => Err(BackendError::Refused {
            what: "there is nothing to run: the manifest names no command".to_owned(),
            hint: "set `command` in the manifest, or give one after `--`".to_owned(),
        }),
    }
}

/// Says who the agent is, in the bottle and on the host, where it is never root.
pub(super) fn user(request: &LaunchRequest) -> Ids {
    let (uid, gid) = match request.user {
        UserChoice::Root => (0, 0),
        UserChoice::Unprivileged { uid, gid } | UserChoice::Numeric { uid, gid } => (uid, gid),
    };
    let own = request.sidecar.owner;
    let unprivileged = |number: u32, wanted: u32| match (number, wanted) {
        // Without privileges there is one user only: the own one.
        (number, _) if own.0 != 0 => number,
        (_, 0) => NOBODY,
        (_, wanted) => wanted,
    };
    Ids {
        uid,
        gid,
        host_uid: unprivileged(own.0, uid),
        host_gid: unprivileged(own.1, gid),
    }
}

/// Says what the agent sees.
pub(super) fn root(request: &LaunchRequest, user: Ids) -> AgentRoot {
    let share = |workspace: &crate::backends::Workspace| {
        let access = match workspace.sharing {
            Sharing::Copy => return None,
            Sharing::Mount => Access::Write,
            Sharing::MountReadOnly => Access::Read,
        };
        let guarded = workspace.guarded.iter().map(|guarded| match guarded {
            Guarded::Pinned(path) => (path.clone(), access),
            Guarded::Folder(path) | Guarded::OneFile(path) => (path.clone(), Access::Read),
        });
        Some(Share {
            source: workspace.source.clone(),
            access,
            guarded: guarded.collect(),
        })
    };
    AgentRoot {
        user,
        workdir: PathBuf::from(&request.workdir),
        workspace: request.workspace.as_ref().and_then(share),
        paths: request.paths.clone(),
    }
}

/// Returns the bound on the agent's processes.
pub(super) fn processes(request: &LaunchRequest) -> u32 {
    request.limits.pids.unwrap_or(AGENT_PIDS)
}

/// Returns the resolver that the sidecar asks instead of this machine's.
pub(super) fn resolver(request: &LaunchRequest) -> Option<IpAddr> {
    request.sidecar.resolver
}

/// Says what a launch would do.
pub(super) fn plan(request: &LaunchRequest) -> Result<Plan, BackendError> {
    check(request)?;
    let step = |phase, command: String| Step { phase, command };
    let id = &request.labels.id;
    let binary = Path::new(&request.sidecar.binary).display();
    let agent = format!("native exec <{}> <user> streams", id.resource(Role::Agent));
    let mut steps = vec![step(
        "sidecar",
        format!("{binary} native start  # reads the bottle"),
    )];
    let copied = |sharing| sharing == Sharing::Copy;
    if request
        .workspace
        .as_ref()
        .is_some_and(|workspace| copied(workspace.sharing))
    {
        let workdir = &request.workdir;
        steps.push(step(
            "seal",
            format!("{binary} {agent} tar-in {workdir} tell"),
        ));
    }
    steps.push(step("seal", format!("{binary} {agent} probe")));
    let command = command(request)?.join(" ");
    steps.push(step("run", format!("{binary} {agent} exec {command}")));
    Ok(Plan {
        backend: NAME,
        steps,
        notes: notes(request),
    })
}

fn bounds(request: &LaunchRequest) -> String {
    let Limits { cpus, memory, .. } = request.limits;
    let memory = memory.map_or_else(
        || "memory is not bounded".to_owned(),
        |bytes| format!("{bytes} bytes of memory"),
    );
    let cpus = cpus.map_or_else(
        || "processors are not bounded".to_owned(),
        |cpus| format!("{cpus} processors"),
    );
    format!("at most {} processes; {memory}; {cpus}", processes(request))
}

fn notes(request: &LaunchRequest) -> Vec<String> {
    let user = user(request);
    let mut notes = vec![
        format!(
            "the agent is user {}:{} in the bottle, and {}:{} on this machine",
            user.uid, user.gid, user.host_uid, user.host_gid
        ),
        "the agent's network is a loopback interface with the sidecar's port on it, and nothing else".to_owned(),
        "the agent sees this machine's `/usr`, `/bin`, `/sbin` and `/lib*`, read-only, and a small `/etc` of its own".to_owned(),
        format!("`/tmp`, `/run`, `{HOME}` and a copied workspace lie in memory, at most half of this machine's, and go with the bottle"),
        bounds(request),
    ];
    if request.root == RootAccess::ReadOnly {
        notes.push(
            "the root file system is read-only, as it always is in a native bottle".to_owned(),
        );
    }
    let path = |path: &PathBuf| format!("the agent can read `{}` of this machine", path.display());
    notes.extend(request.paths.iter().map(path));
    notes
}
