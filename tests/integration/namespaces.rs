//! What is particular to bottles without an engine: the machine is the agent's own, and must not be seen.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Call, DEADLINE, HELLO, Origin, Packets, Room, host_address, sidecar, until};
use crate::walls::{ATTACK, attack};

/// A user of the host's that nobody is.
const STRANGER: &str = "61234";

pub(crate) fn no_address_of_the_hosts_can_be_reached(room: &Room) {
    let origin = Origin::tls();
    let packets = Packets::listen();
    room.agent_with_route(&origin, "");
    let mut targets = Vec::new();
    for interface in if_addrs::get_if_addrs().unwrap() {
        let address = interface.ip().to_string();
        targets.push(json!(["tcp", address, origin.port()]));
        targets.push(json!(["udp", address, packets.port()]));
    }
    assert!(targets.len() >= 4, "{targets:?}");
    let words = json!(targets).to_string();
    let results = attack(&room.run(&["python3", "-c", ATTACK, &words]).ok());
    // Loopback is the agent's own there, where nobody listens: what counts is what arrived.
    for result in &results {
        let open = result[3] == "open";
        assert!(!open, "{results:?}");
    }
    assert_eq!(origin.connections(), Vec::new(), "{results:?}");
    assert_eq!(packets.senders(), Vec::new(), "{results:?}");

    // The control: the same script from here arrives.
    let host = host_address();
    let words = json!([["tcp", host, origin.port()], ["udp", host, packets.port()]]).to_string();
    let here = duct::cmd!("python3", "-c", ATTACK, &words).read().unwrap();
    assert_eq!(attack(&here)[0][3], "open");
    assert_eq!(
        (origin.connections().len(), packets.senders().len()),
        (1, 1)
    );
    // And the route leads there by the sidecar.
    assert_eq!(
        room.run(&["curl", "-fsS", &origin.url("/hello")]).ok(),
        HELLO
    );
}

pub(crate) fn neighbours_do_not_share_a_loopback(room: &Room) {
    room.agent("");
    let serve = "echo own > $BOTTLE_ID; exec python3 -m http.server 8000";
    let ids = ["sh", "-c", serve];
    let ids = [room.detach(&ids), room.detach(&ids)];
    let get = |from: usize, of: usize| {
        let url = format!("http://127.0.0.1:8000/{}", ids[of]);
        let words = [
            "curl",
            "-s",
            "--noproxy",
            "*",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
        ];
        room.exec(&ids[from], &[&words[..], &[&url]].concat())
            .stdout
    };
    for (this, other) in [(0, 1), (1, 0)] {
        // The control: each finds its own.
        until("the agent serves", DEADLINE, || {
            (get(this, this) == "200").then_some(())
        });
        assert_eq!(get(this, other), "404");
    }
    for id in &ids {
        room.stop(id);
    }
}

pub(crate) fn nothing_of_the_hosts_users_is_seen(room: &Room) {
    let secret = room.write("home/secret", "hidden-9b1d");
    let socket = room.path("home/agent.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let shared = room.write("shared/file", "shown-41aa");
    let shared = shared.parent().unwrap();
    fs::set_permissions(room.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    room.agent(&format!("[native]\npaths = [\"{}\"]", shared.display()));
    let script = "for p in \"$@\"; do test -e \"$p\" && echo \"$p\"; done; ls -A /root; find /tmp -type f; \
                  ls /run/docker.sock /var/run/docker.sock /run/dbus /run/systemd /tmp/.X11-unix 2>/dev/null; \
                  id -un; env | grep -E '^(SSH_AUTH_SOCK|DBUS_|DISPLAY|XDG_)'; cat /proc/1/environ | tr '\\0' '\\n' | grep -i mark; \
                  grep -c . /etc/passwd; true";
    let paths = [&secret, &socket].map(|path| path.to_str().unwrap().to_owned());
    let words = ["sh", "-c", script, "sh", &paths[0], &paths[1]];
    let ran = room
        .run_call(&[], &words)
        .env("SSH_AUTH_SOCK", &socket)
        .env("MARK", "mark-2c")
        .run();
    assert_eq!(
        ran.code(0).stdout,
        format!("{}\nagent\n3\n", shared.join("file").display())
    );
    // The control: what the manifest names is seen, and cannot be written.
    let file = shared.join("file");
    let script = "cat \"$1\"; touch \"$1\" 2>/dev/null || echo ' read-only'";
    let words = ["sh", "-c", script, "sh", file.to_str().unwrap()];
    assert_eq!(room.run(&words).ok(), "shown-41aa read-only\n");
}

pub(crate) fn a_killed_launcher_leaves_no_process(room: &Room) {
    room.agent("");
    let lives = room.detach(&["sleep", "600"]);
    let running = room.run_call(&[], &["sleep", "600"]).start();
    room.wait_for_phase(&running, "running");
    let id = room.states().into_iter().find(|id| *id != lives).unwrap();
    until("the agent sleeps", DEADLINE, || {
        room.engine
            .runs(&format!("bottle-{id}-agent"), "sleep 600")
            .then_some(())
    });
    assert_eq!(room.engine.holds(&id).len(), 4);
    running.signal(Signal::KILL);
    until("its processes have ended", DEADLINE, || {
        room.engine.holds(&id).is_empty().then_some(())
    });
    assert_eq!(room.listed(&id).unwrap()["status"], "orphaned");
    // The control: a bottle that was left running on purpose lives on.
    assert_eq!(room.listed(&lives).unwrap()["status"], "detached");
    room.exec(&lives, &["true"]).code(0);
    room.bottle(&["clean", "--yes"]).run().code(0);
    assert_eq!(room.states(), std::slice::from_ref(&lives));
    room.stop(&lives);
    assert_eq!(room.folders(), Vec::<String>::new());
}

pub(crate) fn each_process_ends_with_the_one_that_keeps_it(room: &Room) {
    room.agent("");
    for role in ["keep", "guard", "init"] {
        let id = room.detach(&["sleep", "600"]);
        let all = room.engine.holds(&id);
        assert_eq!(all.len(), 4, "{all:?}");
        let one: Vec<String> = all
            .into_iter()
            .filter(|words| words.contains(&format!(" {role} ")))
            .collect();
        assert_eq!(one.len(), 1);
        room.engine.sweep(&one);
        let left = if role == "init" { 3 } else { 0 };
        until("its processes have ended", DEADLINE, || {
            (room.engine.holds(&id).len() == left).then_some(())
        });
        room.bottle(&["clean", "--yes", "--all"]).run().code(0);
        assert_eq!(room.listed(&id), None, "{role}");
    }
}

pub(crate) fn an_image_is_refused_unless_it_may_be_ignored(room: &Room) {
    let name = &room.name;
    room.write(
        "agent.toml",
        &format!("name = \"{name}\"\n[image]\nreference = \"debian:bookworm-slim\"\n"),
    );
    let refused = room.run(&["echo", "ran"]);
    refused.says("--ignore-image").code(125);
    assert_eq!(refused.stdout, "");
    let ran = room.run_call(&["--ignore-image"], &["echo", "ran"]).run();
    assert_eq!(ran.ok(), "ran\n");
}

/// Where bottle runs as root, it also works for somebody who is not.
pub(crate) fn a_user_without_privileges_can_run_one(room: &Room) {
    if !rustix::process::geteuid().is_root() {
        // Every other scenario is run by such a user.
        return;
    }
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let shown = room.path(".");
    give(&shown);
    let url = origin.url("/hello");
    let script = format!(
        "id -u; curl -fsS {url}; curl -s -o /dev/null -w '%{{http_code}}' http://denied.test/"
    );
    let run = as_stranger(room, &room.run_call(&[], &["sh", "-c", &script]));
    let ran = run.run();
    assert_eq!(ran.ok(), format!("{STRANGER}\n{HELLO}403"));

    let detached = as_stranger(room, &room.run_call(&["--detach"], &["sleep", "600"])).run();
    let id = detached.ok().trim().to_owned();
    let verb = |words: &[&str]| as_stranger(room, &room.bottle(words)).run().ok();
    assert!(verb(&["ls"]).contains(&id));
    assert_eq!(verb(&["exec", &id, "echo", "here"]), "here\n");
    assert!(verb(&["inspect", &id]).contains("api.test"));
    verb(&["stop", &id]);
    assert!(!verb(&["ls", "--all"]).contains(&id));
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
}

/// Gives a room's files to the stranger.
fn give(folder: &Path) {
    let id = STRANGER.parse().unwrap();
    std::os::unix::fs::lchown(folder, Some(id), Some(id)).unwrap();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

fn as_stranger(room: &Room, call: &Call) -> Call {
    // The programs of the tests may lie where only root can go.
    let programs = ["bottle", "bottle-sidecar"].map(|name| room.path(&format!("bin/{name}")));
    if !programs[0].exists() {
        fs::create_dir(room.path("bin")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_bottle"), &programs[0]).unwrap();
        fs::copy(sidecar(), &programs[1]).unwrap();
    }
    give(&room.path("."));
    let setpriv = bottle::process::find("setpriv", &room.engine.path()).unwrap();
    let who = ["--reuid", STRANGER, "--regid", STRANGER, "--clear-groups"];
    call.of(&programs[0])
        .env("BOTTLE_SIDECAR_BINARY", &programs[1])
        .through(&setpriv, &who)
}

pub(crate) fn what_lay_in_memory_is_not_started_again_and_that_is_said(room: &Room) {
    room.agent("");
    let command = ["sh", "-c", "echo out; exec sleep 600"];
    let ran = room.run_call(&["--detach", "--keep"], &command).run();
    ran.code(0)
        .says("`bottle start` cannot bring the rest back");
    let id = ran.stdout.trim().to_owned();
    room.bottle(&["snapshot", &id])
        .run()
        .code(1)
        .says("this backend has no images")
        .says("bottle cp");
    assert_eq!(
        room.bottle(&["ls", "--snapshots", "--json"]).run().ok(),
        "[]\n"
    );
    let stopped = room.bottle(&["stop", &id]).run();
    stopped.code(0).says("lay in memory and is gone");
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    assert_eq!(room.listed(&id).unwrap()["status"], "ended");
    let refused = room.bottle(&["start", &id]).run();
    refused
        .code(1)
        .says("lies in memory")
        .says("--backend docker");
    // What was promised stays.
    assert_eq!(room.bottle(&["logs", &id]).run().ok(), "out\n");
    room.bottle(&["audit", &id, "--verify"]).run().code(0);
    room.bottle(&["rm", &id]).run().code(0);
    assert_eq!(room.states(), Vec::<String>::new());

    // One whose agent has ended by itself is not there any more either.
    let id = room.detach(&["true"]);
    until("its agent has ended", DEADLINE, || {
        (room.listed(&id)?["status"] == "stopped").then_some(())
    });
    room.bottle(&["start", &id])
        .run()
        .code(1)
        .says("lies in memory");
    room.bottle(&["rm", &id]).run().code(0);
}
