//! A mounted workspace: which mounts it takes, and what of it the agent may not write. Pure.

use std::path::Path;

use super::capabilities::{Capabilities, MountOwner, Mountable};
use super::plan::{AgentUser, is_root};
use super::request::{Access, Mount, Owner};
use crate::backends::backend::BackendError;
use crate::backends::request::{Guarded, LaunchRequest, Sharing};

/// The folder itself, and what of it has a mount of its own. None where the agent gets a copy.
pub(super) fn workspace_mounts(
    request: &LaunchRequest,
    can: &Capabilities,
    user: &AgentUser,
) -> Result<Vec<Mount>, BackendError> {
    let Some(workspace) = &request.workspace else {
        return Ok(Vec::new());
    };
    let access = match workspace.sharing {
        Sharing::Copy => return Ok(Vec::new()),
        Sharing::Mount => Access::Write,
        Sharing::MountReadOnly => Access::Read,
    };
    check_mount_path(
        &workspace.source,
        can,
        "rename the folder, or use `mode = \"copy\"`",
    )?;
    if access == Access::Write && can.mount_owner == MountOwner::RootIsUser && !is_root(&user.spec)
    {
        return Err(BackendError::Refused {
            what: "the workspace cannot be mounted: with a rootless engine only the container's root may write to it".to_owned(),
            hint: "use `mode = \"copy\"`, or `user = \"root\"` in `[image]`".to_owned(),
        });
    }
    let whole = Mount {
        source: workspace.source.clone(),
        target: request.workdir.clone(),
        access,
        owner: Owner::User,
    };
    let guarded = workspace.guarded.iter();
    let guarded = guarded.filter(|guarded| !is_open(guarded, can));
    Ok([whole.clone()]
        .into_iter()
        .chain(guarded.map(|guarded| guard(guarded, &whole)))
        .collect())
}

/// A mount over a part of what is mounted.
fn guard(guarded: &Guarded, whole: &Mount) -> Mount {
    let (path, access) = match guarded {
        Guarded::Pinned(path) => (path, whole.access),
        Guarded::Folder(path) | Guarded::OneFile(path) => (path, Access::Read),
    };
    Mount {
        source: whole.source.join(path),
        target: format!("{}/{}", whole.target.trim_end_matches('/'), path.display()),
        access,
        owner: whole.owner,
    }
}

/// Tells whether an engine cannot keep something from the agent that should be.
fn is_open(guarded: &Guarded, can: &Capabilities) -> bool {
    match guarded {
        Guarded::OneFile(_) => can.mountable == Mountable::Folders,
        Guarded::Pinned(_) | Guarded::Folder(_) => false,
    }
}

/// Says what of a mounted workspace the agent may write though it should not.
pub(super) fn left_open(request: &LaunchRequest, can: &Capabilities) -> Vec<String> {
    let guarded = request
        .workspace
        .iter()
        .flat_map(|workspace| &workspace.guarded);
    guarded
        .filter(|guarded| is_open(guarded, can))
        .map(|guarded| match guarded {
            Guarded::Pinned(path) | Guarded::Folder(path) | Guarded::OneFile(path) => format!(
                "the agent may write `{}`, from which git on this machine takes orders: this engine mounts folders only; `mode = \"copy\"` keeps it",
                path.display()
            ),
        })
        .collect()
}

/// Engines split a mount at some characters, and offer no way to quote them.
pub(super) fn check_mount_path(
    path: &Path,
    can: &Capabilities,
    hint: &str,
) -> Result<(), BackendError> {
    let text = path.to_string_lossy();
    let Some(mark) = can.mount_marks.iter().find(|mark| text.contains(**mark)) else {
        return Ok(());
    };
    Err(BackendError::Refused {
        what: format!(
            "`{}` cannot be mounted: its path holds a `{mark}`",
            path.display()
        ),
        hint: hint.to_owned(),
    })
}
