//! What there is of bottles without an engine: the processes of this machine, looked at from outside.

use std::fs;
use std::path::PathBuf;

/// The words that every process of such a bottle begins with.
const OURS: &str = "bottle-sidecar native ";

/// Says what is missing here for the scenarios; `None` when everything is there.
pub(super) fn absent() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("namespaces are Linux's".to_owned());
    }
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    if most.trim() == "0" {
        return Some("the kernel lets nobody make user namespaces".to_owned());
    }
    let path = super::engine::variable("PATH").unwrap_or_default();
    ["curl", "python3"]
        .into_iter()
        .find(|tool| bottle::process::find(tool, path.as_ref()).is_err())
        .map(|tool| format!("`{tool}`, which the agents of the scenarios use, is not installed"))
}

/// Lists the processes of bottles that have this text in their words.
pub(super) fn processes(text: &str) -> Vec<String> {
    all()
        .into_iter()
        .filter(|(_, words)| words.starts_with(OURS) && words.contains(text))
        .map(|(process, words)| format!("{words}({})", process.display()))
        .collect()
}

/// Tells whether a program with these words runs in the bottle of this container's name.
pub(super) fn runs(container: &str, command: &str) -> bool {
    let id = container
        .strip_prefix("bottle-")
        .and_then(|name| name.strip_suffix("-agent"))
        .unwrap();
    let all = all();
    let init = format!("{OURS}init {id}");
    let namespace = |process: &PathBuf| fs::read_link(process.join("ns/pid")).ok();
    let Some((first, _)) = all.iter().find(|(_, words)| words.starts_with(&init)) else {
        return false;
    };
    let inside = namespace(first);
    all.iter()
        .filter(|(process, words)| {
            words.contains(command)
                && !words.contains("/.bottle/guest")
                && namespace(process) == inside
        })
        .count()
        > 0
}

/// Every process, with its words.
fn all() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .filter_map(|process| {
            let words = fs::read(process.join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            (!words.is_empty()).then_some((process, words))
        })
        .collect()
}

/// Ends the processes of bottles by their numbers.
pub(super) fn sweep(found: &[String]) {
    for process in found {
        let number = process.rsplit('/').next().unwrap_or_default();
        let number: i32 = number.trim_end_matches(')').parse().unwrap();
        let pid = rustix::process::Pid::from_raw(number).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
}
