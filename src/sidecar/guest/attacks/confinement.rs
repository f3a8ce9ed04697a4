//! What the agent is confined by, as the kernel tells it, and whether `exec` is confined the same.

use std::fs;

use bottle_contract::attack::Tried;

use super::processes::numbers;
use super::rows::{Checked, Seen, row, stopped, through, unclear, worst};
use super::scene::Scene;

/// The five sets of capabilities.
const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
/// What must be the same for what `exec` starts and for the agent.
const SAME: [&str; 9] = [
    "Uid",
    "Gid",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
];
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// Makes the attempts.
pub(super) fn rows(_scene: &Scene) -> Vec<Tried> {
    vec![
        row("capabilities", capabilities(), control()),
        row("no-new-privileges", must_be("NoNewPrivs", "1"), control()),
        row("filter", must_be("Seccomp", "2"), control()),
        row("exec-privileges", exec(), agent_control()),
    ]
}

/// Returns what the kernel says of this process.
pub(super) fn own_status(name: &str) -> Option<String> {
    value(&fs::read_to_string("/proc/self/status").ok()?, name)
}

fn value(status: &str, name: &str) -> Option<String> {
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(key, _)| *key == name);
    let words = found.next()?.1.split_whitespace();
    Some(words.collect::<Vec<_>>().join(" "))
}

fn capabilities() -> Seen {
    worst(SETS.map(|set| match own_status(set) {
        Some(value) if value.chars().all(|digit| digit == '0') => {
            stopped("all five sets are empty")
        }
        Some(value) => through(format!("{set} is {value}")),
        None => unclear(format!("{set} is not told")),
    }))
}

fn must_be(name: &str, expected: &str) -> Seen {
    match own_status(name) {
        Some(value) if value == expected => stopped(format!("{name} is {value}")),
        Some(value) => through(format!("{name} is {value}")),
        None => unclear(format!("{name} is not told")),
    }
}

fn control() -> Checked {
    match own_status("Pid") {
        Some(pid) if pid == std::process::id().to_string() => {
            Ok("the own status can be read".to_owned())
        }
        Some(_) | None => Err("the own status cannot be read".to_owned()),
    }
}

/// Compares this process, which `exec` started, with the agent's first one.
fn exec() -> Seen {
    let Some((pid, agent)) = agent() else {
        return unclear("no process of the agent's is there to compare with");
    };
    let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let status = SAME.map(|name| (name, value(&own, name), value(&agent, name)));
    let names = NAMESPACES.map(|name| (name, namespace("self", name), namespace(&pid, name)));
    // An engine may leave groups out, and must not add any.
    let more = groups(&own).any(|group| !groups(&agent).any(|other| other == group));
    let status = status
        .into_iter()
        .chain(more.then(|| ("Groups", value(&own, "Groups"), value(&agent, "Groups"))));
    let bounds = [("limits", limits("self"), limits(&pid))];
    let differ: Vec<String> = status
        .chain(names)
        .chain(bounds)
        .filter(|(_, own, agent)| own != agent)
        .map(|(name, own, agent)| {
            let text = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            format!(
                "{name} is {} by `exec`, and {} for the agent",
                text(own),
                text(agent)
            )
        })
        .collect();
    if differ.is_empty() {
        stopped(format!("the same as the agent (process {pid})"))
    } else {
        through(differ.join("; "))
    }
}

fn groups(status: &str) -> impl Iterator<Item = String> {
    let groups = value(status, "Groups").unwrap_or_default();
    let words: Vec<String> = groups.split(' ').map(str::to_owned).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

fn namespace(pid: &str, name: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{name}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// The bounds that the kernel keeps for every process, in one line.
fn limits(pid: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let bounds = ["Max processes", "Max core file size", "Max open files"];
    let lines = text
        .lines()
        .filter(|line| bounds.iter().any(|name| line.starts_with(name)));
    let words = lines.flat_map(str::split_whitespace);
    Some(words.collect::<Vec<_>>().join(" "))
}

/// Finds the agent's first process: what the guest or the engine started, and not this attack.
fn agent() -> Option<(String, String)> {
    let ancestors = ancestors();
    let mut pids = numbers();
    pids.sort_unstable();
    pids.into_iter()
        .filter(|pid| *pid != 1 && !ancestors.contains(pid))
        .find_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let parent = value(&status, "PPid")?;
            // The guest stays beside a command, and shows nothing of itself.
            let started = parent.parse().is_ok_and(|parent| !shows(parent));
            (started && shows(pid)).then(|| (pid.to_string(), status))
        })
}

/// Tells whether a process is one of the agent's, which can be looked at.
fn shows(pid: u32) -> bool {
    namespace(&pid.to_string(), "pid").is_some()
}

/// This process, its parent, and so on.
fn ancestors() -> Vec<u32> {
    let mut found = vec![std::process::id()];
    while let Some(last) = found.last().copied().filter(|pid| *pid > 1) {
        let status = fs::read_to_string(format!("/proc/{last}/status")).unwrap_or_default();
        match value(&status, "PPid").and_then(|pid| pid.parse().ok()) {
            Some(parent) if !found.contains(&parent) => found.push(parent),
            Some(_) | None => break,
        }
    }
    found
}

fn agent_control() -> Checked {
    match agent() {
        Some((pid, _)) => Ok(format!("the agent's process {pid} can be looked at")),
        None => Err("no process of the agent's is there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_status_is_read() {
        let status = "Name:\tx\nUid:\t1\t1\t1\t1\nCapEff:\t0000\n";
        assert_eq!(value(status, "Uid").as_deref(), Some("1 1 1 1"));
        assert_eq!(value(status, "Cap"), None);
        assert!(ancestors().contains(&std::process::id()));
    }
}
