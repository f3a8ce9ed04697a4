//! The agent's file system: the host's programs to read, places in memory to write, and nothing else.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use bottle_contract::guest::{GUEST, HOME, PUBLIC_ROOTS, Provision, Provisioned};
use bottle_contract::native::{Access, AgentRoot, Share};

use super::mounts::{self, MEMORY, Use};
use super::{devices, etc};
use crate::guest::{files, provision};

/// The folders in which a system keeps its programs; a link is kept as a link.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
];
/// Folders that programs expect to be there.
const EMPTY: [&str; 9] = [
    "/proc",
    "/sys",
    "/root",
    "/home",
    "/var/lib",
    "/var/cache",
    "/var/log",
    "/opt",
    "/srv",
];
/// What nobody may put a workspace over: it holds what the bottle itself needs.
const TAKEN: [&str; 7] = ["/.bottle", "/dev", "/etc", "/proc", "/sys", "/usr", "/run"];

/// The agent's user and group, as this process's namespace has them.
pub(super) type Owner = (u32, u32);

/// Where everything of the host's lies that the agent is to see, links followed: to be found out before
/// the host's root is left.
#[derive(Debug)]
pub(super) struct Sources {
    workspace: Option<Share>,
    /// Where the host has it, and where the agent will.
    paths: Vec<(PathBuf, PathBuf)>,
    program: PathBuf,
}

impl Sources {
    /// Finds them; the program is this one.
    pub(super) fn find(agent: &AgentRoot) -> anyhow::Result<Self> {
        let real = |path: &Path| {
            path.canonicalize()
                .with_context(|| format!("cannot find `{}`", path.display()))
        };
        let workspace = match &agent.workspace {
            Some(share) => Some(Share {
                source: real(&share.source)?,
                ..share.clone()
            }),
            None => None,
        };
        let paths = agent
            .paths
            .iter()
            .map(|path| Ok((real(path)?, path.clone())));
        Ok(Self {
            workspace,
            paths: paths.collect::<anyhow::Result<_>>()?,
            program: std::env::current_exe().context("cannot find this program")?,
        })
    }
}

/// Writes the files of the new root, while nothing of the host's lies in it.
pub(super) fn write(
    agent: &AgentRoot,
    roots: &str,
    message: Provision,
) -> anyhow::Result<Provisioned> {
    for folder in EMPTY {
        files::make_folders(&mounts::new(folder))?;
    }
    etc::fill(agent.user)?;
    let roots_path = mounts::new(PUBLIC_ROOTS);
    files::make_folders(&mounts::new("/.bottle"))?;
    files::replace(&roots_path, roots.as_bytes(), 0o644)
        .context("cannot write the public roots")?;
    provision::provision(Path::new(mounts::NEW), message)
}

/// Lays everything into the new root that is not a file of its own.
pub(super) fn lay(agent: &AgentRoot, owner: Owner, sources: &Sources) -> anyhow::Result<()> {
    for path in SYSTEM.map(Path::new) {
        system(path)?;
    }
    etc::show()?;
    devices::make()?;
    memory(owner)?;
    let program = mounts::new(GUEST);
    mounts::file(&program)?;
    mounts::share(&mounts::old(&sources.program), &program, Use::Read)?;
    for (source, target) in &sources.paths {
        path(source, target)?;
    }
    workspace(agent, owner, sources)?;
    // The first process of the agent's puts its own over it: a new one needs to see one.
    rustix::mount::mount_bind_recursive(mounts::old(Path::new("/proc")), mounts::new("/proc"))
        .context("cannot show `/proc`")
}

fn system(path: &Path) -> anyhow::Result<()> {
    let (source, target) = (mounts::old(path), mounts::new(path));
    match fs::read_link(&source) {
        Ok(to) => symlink(to, &target).with_context(|| format!("cannot link `{}`", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => {
            mounts::folder(&target)?;
            mounts::share(&source, &target, Use::Read)
        }
    }
}

/// Places in memory, all in one file system, so that one bound holds for all.
fn memory(owner: Owner) -> anyhow::Result<()> {
    let places = [
        ("tmp", "/tmp", 0o1777, Use::Write),
        ("vartmp", "/var/tmp", 0o1777, Use::Write),
        ("run", "/run", 0o755, Use::Write),
        ("shm", "/dev/shm", 0o1777, Use::Data),
        ("home", HOME, 0o700, Use::Write),
    ];
    for (name, target, mode, access) in places {
        give(owner, name, Path::new(target), mode, access)?;
    }
    symlink("/run", mounts::new("/var/run")).context("cannot link `/var/run`")
}

fn give(owner: Owner, name: &str, target: &Path, mode: u32, access: Use) -> anyhow::Result<()> {
    let source = Path::new(MEMORY).join(name);
    let what = || format!("cannot make `{}`", target.display());
    fs::create_dir(&source).with_context(what)?;
    own(owner, &source)?;
    fs::set_permissions(&source, fs::Permissions::from_mode(mode)).with_context(what)?;
    let target = mounts::new(target);
    mounts::folder(&target)?;
    mounts::share(&source, &target, access)
}

/// Shows a file or folder that the manifest names.
fn path(source: &Path, target: &Path) -> anyhow::Result<()> {
    let (source, target) = (mounts::old(source), mounts::new(target));
    let covered = fs::symlink_metadata(&target).is_ok();
    if source.is_dir() && !covered {
        mounts::folder(&target)?;
    } else if !covered {
        mounts::file(&target)?;
    }
    mounts::share(&source, &target, Use::Read)
}

fn workspace(agent: &AgentRoot, owner: Owner, sources: &Sources) -> anyhow::Result<()> {
    let target = &agent.workdir;
    check_workdir(target)?;
    match &sources.workspace {
        Some(share) => {
            let place = mounts::new(target);
            mounts::folder(&place)?;
            let source = mounts::old(&share.source);
            mounts::share(&source, &place, use_of(share.access))?;
            share.guarded.iter().try_for_each(|(path, access)| {
                mounts::share(&source.join(path), &place.join(path), use_of(*access))
            })
        }
        // What lies in the home or below `/tmp` is a folder in memory already.
        None if [HOME, "/tmp", "/var/tmp"]
            .iter()
            .any(|place| target.starts_with(place)) =>
        {
            let place = mounts::new(target);
            mounts::folder(&place)?;
            own(owner, &place)
        }
        None => give(owner, "workspace", target, 0o755, Use::Write),
    }
}

fn use_of(access: Access) -> Use {
    match access {
        Access::Read => Use::Read,
        Access::Write => Use::Write,
    }
}

/// Gives a folder to the agent.
fn own((uid, gid): Owner, place: &Path) -> anyhow::Result<()> {
    std::os::unix::fs::chown(place, Some(uid), Some(gid))
        .with_context(|| format!("cannot give `{}` to the agent", place.display()))
}

fn check_workdir(workdir: &Path) -> anyhow::Result<()> {
    let plain = workdir.is_absolute()
        && workdir
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let taken = TAKEN.iter().any(|taken| workdir.starts_with(taken));
    if !plain || taken || workdir == Path::new("/") {
        bail!(
            "the agent cannot start in `{}`: name another folder with `workdir`",
            workdir.display()
        );
    }
    Ok(())
}
