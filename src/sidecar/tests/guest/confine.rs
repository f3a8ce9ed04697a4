//! What `guest exec` lays on a command before it starts it.

use crate::exec::prepared;
use crate::room::guest_in_room;

/// The line of a process's own file that starts with a word.
fn line(text: &str, word: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(word));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    words.join(" ")
}

#[test]
fn the_command_cannot_gain_privileges() {
    let prepare = prepared("{}", "cat /proc/self/status");
    let Some(ended) = guest_in_room(&prepare, &["exec", "cat", "/proc/self/status"], b"") else {
        return;
    };
    let ended = ended.fine();
    let (before, inside) = ended.text().split_at(ended.text().len() / 2);
    // A machine that runs its tests without new privileges has nothing to compare with.
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(line(before, "NoNewPrivs:"), line(&own, "NoNewPrivs:"));
    assert_eq!(line(inside, "NoNewPrivs:"), "NoNewPrivs: 1");
}

/// Runs a script as this user, who is not root and has no other processes, with this bound, and returns the status and the output.
fn as_user(user: u32, bound: &str, script: &str) -> Option<(Option<i32>, String)> {
    // In a user namespace of its own, the test's user is no root to the kernel.
    let enter = if rustix::process::getuid().is_root() {
        format!("exec chroot --userspec={user}:{user} .")
    } else {
        "exec chroot .".to_owned()
    };
    let prepare = format!(
        r#"mkdir -p .bottle/run work
        echo '{{"env":{{}},"workdir":"/work"{bound}}}' > .bottle/run/environment.json
        {enter} /.bottle/guest exec sh -c '{script}'"#
    );
    let ended = guest_in_room(&prepare, &[], b"")?;
    Some((ended.code, ended.text().to_owned()))
}

#[test]
fn the_number_of_processes_is_bounded_where_that_is_asked_for() {
    let limits = "cat /proc/self/limits";
    let Some((_, free)) = as_user(61234, "", limits) else {
        return;
    };
    let (_, bounded) = as_user(61234, r#","processes":12"#, limits).unwrap();
    assert_ne!(
        line(&free, "Max processes"),
        "Max processes 12 12 processes"
    );
    assert_eq!(
        line(&bounded, "Max processes"),
        "Max processes 12 12 processes"
    );
}

#[test]
fn the_bound_on_processes_holds() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: the user's other processes count as well");
        return;
    }
    let many = "for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; kill %1; echo started";
    let Some((code, text)) = as_user(61235, "", many) else {
        return;
    };
    assert_eq!((code, text.as_str()), (Some(0), "started\n"));
    let (code, text) = as_user(61235, r#","processes":10"#, many).unwrap();
    assert_ne!(code, Some(0));
    assert_eq!(text, "");
}
