//! The credential that only the sidecar has, looked for by the beginning of its value.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bottle_contract::attack::{OwnBottle, Tried};

use super::processes::numbers;
use super::rows::{Checked, Seen, row, stopped, through};
use super::scene::Scene;
use super::walk::walk;

/// How much of one file is looked through.
const BYTES: u64 = 4 << 20;
/// How many files.
const FILES: usize = 20_000;

/// Makes the attempts, where it is known what to look for.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let Some(own) = &scene.request.own else {
        return Vec::new();
    };
    let head = own.secret_head.as_bytes();
    let environment = search(&[PathBuf::from("/proc/self/environ")], head);
    vec![
        row("secret-environment", environment, environment_control(own)),
        row(
            "secret-processes",
            search(&process_files(), head),
            processes_control(own),
        ),
        row(
            "secret-files",
            search(&files(scene), head),
            files_control(scene, own),
        ),
    ]
}

fn search(paths: &[PathBuf], text: &[u8]) -> Seen {
    let found: Vec<String> = paths
        .iter()
        .filter(|path| holds(path, text))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if found.is_empty() {
        stopped(format!("in none of {} files", paths.len()))
    } else {
        through(format!("in {}", found.join(", ")))
    }
}

fn holds(path: &Path, text: &[u8]) -> bool {
    let mut bytes = Vec::new();
    // A file that cannot be read shows nothing.
    let read = File::open(path).and_then(|file| file.take(BYTES).read_to_end(&mut bytes));
    read.is_ok()
        && bytes
            .windows(text.len().max(1))
            .any(|window| window == text)
}

/// What each process shows of itself.
fn process_files() -> Vec<PathBuf> {
    let names = ["environ", "cmdline", "mountinfo", "comm"];
    numbers()
        .into_iter()
        .flat_map(|pid| names.map(|name| PathBuf::from(format!("/proc/{pid}/{name}"))))
        .collect()
}

fn files(scene: &Scene) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let roots = ["/.bottle", "/run", "/tmp", "/var", "/etc", "/dev/shm"].map(PathBuf::from);
    for root in roots.iter().chain([&scene.workdir, &scene.home]) {
        walk(root, FILES, &mut |path| {
            if fs::symlink_metadata(path).is_ok_and(|file| file.is_file()) {
                found.push(path.to_owned());
            }
        });
    }
    found
}

/// What the agent's environment does hold is found there.
fn environment_control(own: &OwnBottle) -> Checked {
    if holds(Path::new("/proc/self/environ"), own.marker.as_bytes()) {
        Ok("a marker in the own environment is found".to_owned())
    } else {
        Err("the marker in the own environment is not found".to_owned())
    }
}

/// The same marker is found in another process of the agent's.
fn processes_control(own: &OwnBottle) -> Checked {
    let own_number = std::process::id();
    let others = numbers().into_iter().filter(|pid| *pid != own_number);
    let found = others
        .map(|pid| PathBuf::from(format!("/proc/{pid}/environ")))
        .find(|path| holds(path, own.marker.as_bytes()));
    match found {
        Some(path) => Ok(format!("a marker is found in `{}`", path.display())),
        None => Err("the marker is found in no other process".to_owned()),
    }
}

/// The same marker is found in the file that the environment is kept in.
fn files_control(scene: &Scene, own: &OwnBottle) -> Checked {
    let marker = own.marker.as_bytes();
    match files(scene).iter().find(|path| holds(path, marker)) {
        Some(path) => Ok(format!("a marker is found in `{}`", path.display())),
        None => Err("the marker is found in no file".to_owned()),
    }
}
