//! `exec`, and the signals of what is attended.

use std::io::{BufRead as _, BufReader};

use super::mac::Mac;

fn running() -> Option<Mac> {
    let mac = Mac::new()?;
    mac.say("run --detach --name=@-a IMAGE sleep 600").ok();
    Some(mac)
}

#[test]
fn the_status_is_the_processes_own() {
    let Some(mac) = running() else { return };
    for status in [0, 1, 7, 125, 126, 127] {
        let ended = mac.shell("@-a", &format!("echo said >&2; exit {status}"));
        assert_eq!((ended.status, ended.stderr.as_str()), (status, "said\n"));
    }
    mac.say("exec @-a no-such-program")
        .refused("failed to find target executable");
    mac.say("exec --tty @-a true").refused("not a tty");
    assert_eq!(
        mac.say("exec --detach @-a true").ok(),
        format!("{}-a\n", mac.name)
    );
    mac.say("stop --time=0 @-a").ok();
    let text = format!("Error: container {}-a is not running", mac.name);
    mac.say("exec @-a true").refused(&text);
}

#[test]
fn who_holds_the_output_makes_it_fail() {
    let Some(mac) = running() else { return };
    let redirected = mac.shell("@-a", "sleep 30 >/dev/null 2>&1 & echo done");
    assert_eq!(
        (redirected.status, redirected.stdout.as_str()),
        (0, "done\n")
    );
    let held = mac.shell("@-a", "sleep 31 & echo done");
    assert_eq!((held.status, held.stdout.as_str()), (1, "done\n"));
    assert!(
        held.stderr.contains("Timeout waiting for IO to complete"),
        "{held:?}"
    );
    // The one that is let go in time is waited for.
    let short = mac.shell("@-a", "sleep 1 & echo done");
    assert_eq!((short.status, short.stdout.as_str()), (0, "done\n"));
    // Nor does one that was held before spoil the next.
    assert_eq!(mac.shell("@-a", "echo again").ok(), "again\n");
}

/// Starts a script that says when it is ready, sends it a signal each time that it says a line, and
/// returns the status.
fn signalled(mac: &Mac, words: &[&str], script: &str) -> i32 {
    let words: Vec<&str> = words.iter().copied().chain(["sh", "-c", script]).collect();
    let (reader, writer) = std::io::pipe().unwrap();
    let handle = mac
        .command(&words)
        .stdin_null()
        .stderr_null()
        .stdout_file(writer)
        .start()
        .unwrap();
    let pid = handle.pids()[0].to_string();
    for line in BufReader::new(reader).lines() {
        assert!(["ready", "got"].contains(&line.unwrap().as_str()));
        duct::cmd!("kill", "-TERM", &pid)
            .stderr_null()
            .unchecked()
            .run()
            .unwrap();
    }
    handle.wait().unwrap().status.code().unwrap()
}

#[test]
fn signals_are_passed_on_and_the_third_ends_the_client() {
    let Some(mac) = running() else { return };
    let (container, name) = (format!("{}-a", mac.name), format!("--name={}-b", mac.name));
    let exec = ["exec", container.as_str()];
    let run = ["run", "--rm", &name, mac.image];
    let ends = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    let stays = "trap 'echo got' TERM; echo ready; while :; do sleep 0.1; done";
    for words in [&exec[..], &run[..]] {
        assert_eq!(signalled(&mac, words, ends), 9, "{words:?}");
    }
    assert_eq!(signalled(&mac, &exec, stays), 1);
}
