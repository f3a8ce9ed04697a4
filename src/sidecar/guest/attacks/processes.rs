//! Other processes: to trace them, to read them, to become more than they are, to have too many.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bottle_contract::attack::Tried;
use bottle_contract::guest::GUEST;
use bottle_kernel::Call;

use super::confinement::own_status;
use super::rows::{Checked, Seen, checked, must_be_denied, row, stopped, through, unclear, worst};
use super::scene::Scene;
use super::walk::walk;

/// Where setuid programs usually lie.
const PROGRAMS: [&str; 6] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/libexec",
    "/bin",
    "/sbin",
];
/// How many files are looked at for it.
const FILES: usize = 50_000;
/// How many more processes than the bound are tried.
const BEYOND: u32 = 32;
/// How many must start, so that the end of them says something.
const SOME: usize = 8;

/// Makes the attempts.
pub(super) fn rows(_scene: &Scene) -> Vec<Tried> {
    vec![
        row("ptrace", trace(), trace_control()),
        row("process-memory", memory(), memory_control()),
        row("setuid", setuid(), setuid_control()),
    ]
}

/// Process 1 is nobody's child; the parent is not ours to trace either.
fn trace() -> Seen {
    let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap_or(1);
    let mut others = vec![1, parent];
    // A parent outside this namespace has no number here.
    others.retain(|pid| *pid > 0);
    others.dedup();
    worst(others.into_iter().map(|pid| {
        let outcome = Call::Trace(pid).make();
        if outcome.is_ok() {
            // It was ours to show, not to keep.
            Call::Untrace(pid).make().ok();
        }
        must_be_denied(&format!("process {pid}"), outcome)
    }))
}

/// The same call traces a child of ours.
fn trace_control() -> Checked {
    let child = idle().map_err(|error| format!("a child: {error}"))?;
    let traced = i32::try_from(child.id())
        .map_err(io::Error::other)
        .and_then(|pid| Call::Trace(pid).make());
    end(vec![child]);
    checked("a child of ours can be traced", traced)
}

/// What belongs to process 1: its memory, its variables, its root.
fn memory() -> Seen {
    let open = |path: &str| must_be_denied(path, File::open(path));
    worst([
        open("/proc/1/mem"),
        open("/proc/1/environ"),
        root_of_others(),
    ])
}

/// Another root than the own would be a way out of it. The same one leads nowhere.
fn root_of_others() -> Seen {
    let own = fs::metadata("/").map(|root| (root.dev(), root.ino()));
    let Ok(own) = own else {
        return unclear("the own root cannot be looked at");
    };
    worst(
        numbers()
            .into_iter()
            .map(|pid| match fs::metadata(format!("/proc/{pid}/root/")) {
                Ok(root) if (root.dev(), root.ino()) == own => {
                    stopped("the roots of others are the own one")
                }
                Ok(_) => through(format!("process {pid} has another root")),
                Err(_) => stopped("the roots of others cannot be entered"),
            }),
    )
}

fn memory_control() -> Checked {
    checked("the own memory can be opened", File::open("/proc/self/mem"))
}

/// With no-new-privileges a setuid program is a program like others, however many there are.
fn setuid() -> Seen {
    let mut found = 0_usize;
    for folder in PROGRAMS {
        walk(Path::new(folder), FILES, &mut |path| {
            let gives = |mode: u32| mode & 0o4000 != 0;
            if fs::symlink_metadata(path).is_ok_and(|file| gives(file.permissions().mode())) {
                found += 1;
            }
        });
    }
    match own_status("NoNewPrivs").as_deref() {
        Some("1") => stopped(format!("{found} setuid programs, and none has an effect")),
        Some(other) if found > 0 => through(format!(
            "{found} setuid programs, and no-new-privileges is {other}"
        )),
        Some(_) => stopped("there is no setuid program"),
        None => unclear("the kernel does not say whether privileges can be gained"),
    }
}

fn setuid_control() -> Checked {
    match own_status("Uid") {
        Some(uid) => Ok(format!("the own status can be read (user {uid})")),
        None => Err("the own status cannot be read".to_owned()),
    }
}

/// The numbers of the processes that can be seen.
pub(super) fn numbers() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Starts processes until the bound, and ends all of them.
pub(super) fn fork_bomb(scene: &Scene) -> Vec<Tried> {
    let Some(own) = &scene.request.own else {
        return Vec::new();
    };
    let mut children = Vec::new();
    let mut last = None;
    for _ in 0..own.processes + BEYOND {
        match idle() {
            Ok(child) => children.push(child),
            Err(error) => {
                last = Some(error);
                break;
            }
        }
    }
    let made = children.len();
    end(children);
    let seen = match last {
        Some(error) => stopped(format!("after {made} processes: {error}")),
        None => through(format!("{made} processes, and no end")),
    };
    let control = if made >= SOME {
        Ok(format!("{made} processes were started before it"))
    } else {
        Err(format!("only {made} processes could be started at all"))
    };
    vec![row("fork-bomb", seen, control)]
}

/// Starts a process that waits for ever.
#[expect(
    clippy::disallowed_methods,
    reason = "an attack starts programs as an agent does: there is no deadline to give, it ends them"
)]
fn idle() -> io::Result<Child> {
    Command::new(GUEST)
        .arg("idle")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Ends processes, and takes leave of them.
fn end(children: Vec<Child>) {
    for mut child in children {
        // One that has ended already is as good.
        child.kill().and_then(|()| child.wait()).ok();
    }
}
