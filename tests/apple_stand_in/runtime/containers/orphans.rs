//! Processes of a container that outlive the one that was attended and hold its output open.
//!
//! Apple's CLI waits up to 3 s for the end of the output after the process has ended, and then
//! fails (§2.2). The engines end without a word: docker after 2 s, podman at once. So the holders
//! are looked for in `/proc`, which takes root (or the same user).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// The ends of pipes that the processes of a container hold, by the pipe.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipes {
    written: BTreeMap<u64, BTreeSet<u32>>,
    read: BTreeSet<u64>,
}

/// The process space of a container, kept by its own name: the number of the container's first
/// process may soon be another's, whose neighbours are not ours to signal.
#[derive(Clone, Debug)]
pub(super) struct Space(Option<PathBuf>);

impl Space {
    /// Returns the space of a container's first process.
    pub(super) fn of(first: u32) -> Self {
        Self(space_of(first).filter(|space| Some(space) != space_of(std::process::id()).as_ref()))
    }

    /// Lists the processes in it.
    pub(super) fn members(&self) -> BTreeSet<u32> {
        processes()
            .filter(|pid| self.0.is_some() && space_of(*pid) == self.0)
            .collect()
    }
}

fn space_of(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Lists those that the engine itself started: their parents are outside.
pub(super) fn leaders(members: &BTreeSet<u32>) -> BTreeSet<u32> {
    let started = |pid: &u32| parent(*pid).is_some_and(|parent| !members.contains(&parent));
    members.iter().copied().filter(started).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the state and the parent follow it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the command line of a process.
pub(super) fn command_line(pid: u32) -> Vec<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    raw.split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Looks at the pipes of some processes.
pub(super) fn pipes(processes: &BTreeSet<u32>) -> Pipes {
    let mut pipes = Pipes::default();
    for pid in processes {
        let open = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        for entry in open.flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let inode = target
                .to_str()
                .and_then(|text| text.strip_prefix("pipe:[")?.strip_suffix(']'))
                .and_then(|inode| inode.parse().ok());
            let Some(inode) = inode else { continue };
            let number = entry.file_name();
            if is_written(*pid, &number.to_string_lossy()) {
                pipes.written.entry(inode).or_default().insert(*pid);
            } else {
                pipes.read.insert(inode);
            }
        }
    }
    pipes
}

fn is_written(pid: u32, descriptor: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    // `O_WRONLY` or `O_RDWR`.
    flags.is_some_and(|flags| flags & 0o3 != 0)
}

/// Tells whether a pipe to the outside is held that was not there before, by a process whose leader
/// has ended.
pub(super) fn held(space: &Space, before: &Pipes) -> bool {
    let members = space.members();
    let leaders = leaders(&members);
    let now = pipes(&members);
    let held: BTreeSet<u64> = now
        .written
        .iter()
        .filter(|(pipe, holders)| {
            !before.written.contains_key(*pipe)
                && !now.read.contains(*pipe)
                && holders.is_disjoint(&leaders)
        })
        .map(|(pipe, _)| *pipe)
        .collect();
    !held.is_empty() && is_read_outside(&held, &members)
}

/// A pipe that nobody outside reads was between processes inside, of which one has ended.
fn is_read_outside(held: &BTreeSet<u64>, members: &BTreeSet<u32>) -> bool {
    let outside = processes().filter(|pid| !members.contains(pid)).collect();
    !pipes(&outside).read.is_disjoint(held)
}
