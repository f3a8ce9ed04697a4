//! `bottle verify`: it passes on a wall that is whole, and names each hole that is made on purpose.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use serde_json::Value;

use crate::harness::{Call, Host, Outcome, Room};

/// Stands before the engine's client: adds options where the agent's container is created, and starts
/// the attack without what the guest lays on a command.
const WRAPPER: &str = r#"#!/bin/bash
if [[ "$*" = *" /.bottle/guest wall "* ]]; then
  if [ -n "${OPEN:-}" ]; then exit 0; fi
  if [ -n "${BROKEN:-}" ]; then echo "injected failure" >&2; exit 1; fi
fi
words=()
for word in "$@"; do
  words+=("$word")
  if [ -n "${BARE:-}" ] && [[ "${words[*]}" = *" /.bottle/guest exec" ]]; then unset 'words[-1]' 'words[-1]'; fi
done
if [[ " $* " =~ ^" create " && "$*" =~ --name=bottle-verify-[a-z0-9]+-agent ]]; then
  words=(create $ADD "${words[@]:1}")
fi
exec @PROGRAM@ "${words[@]}"
"#;

/// Runs `bottle verify` in a bottle of its own, with a hole that these variables make.
fn verify(room: &Room, hole: &[(&str, &str)]) -> Outcome {
    let call = room.bottle(&["verify", "--backend", room.engine.name, "--json"]);
    if !room.engine.has_containers() {
        assert!(
            hole.is_empty(),
            "there is no engine whose calls could be changed"
        );
        return call.run();
    }
    let outcome = holed(room, call, hole).run();
    // It bears no name of this room, so it is looked for by its own.
    let id = parsed(&outcome)["bottle"].as_str().unwrap().to_owned();
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    outcome
}

/// Returns the same call with the wrapper before the engine's client, and a hole that these variables make.
fn holed(room: &Room, call: Call, hole: &[(&str, &str)]) -> Call {
    let folder = room.path("wrapper");
    let program = room.engine.program().unwrap();
    let script = WRAPPER.replace("@PROGRAM@", program.to_str().unwrap());
    let written = room.write(&format!("wrapper/{}", room.engine.program), &script);
    fs::set_permissions(written, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), room.engine.path().display());
    hole.iter()
        .fold(call.env("PATH", path), |call, (name, value)| {
            call.env(name, value)
        })
}

fn parsed(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("no report: {outcome}"))
}

/// The attempts with this result.
fn with(outcome: &Outcome, result: &str) -> BTreeSet<String> {
    let report = parsed(outcome);
    let rows = report["attempts"].as_array().unwrap();
    rows.iter()
        .filter(|row| row["result"] == result)
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Asserts that the wall held, but for what an engine that cannot hide its host accepts.
#[track_caller]
fn assert_whole(room: &Room, outcome: &Outcome) {
    outcome.code(0);
    let none = BTreeSet::new();
    assert_eq!(with(outcome, "open"), none, "{outcome}");
    assert_eq!(with(outcome, "inconclusive"), none, "{outcome}");
    assert!(with(outcome, "held").len() >= 40, "{outcome}");
    if room.engine.host != Host::Gateway {
        assert_eq!(with(outcome, "accepted"), none, "{outcome}");
    }
}

/// Asserts that a hole was named, in the report and for people.
#[track_caller]
fn assert_named(outcome: &Outcome, attempt: &str) {
    outcome.code(1);
    assert!(
        with(outcome, "open").contains(attempt),
        "{attempt}: {outcome}"
    );
    outcome.says("the wall has a hole").says(attempt);
}

pub(crate) fn a_wall_that_is_whole_holds_each_attempt(room: &Room) {
    let outcome = verify(room, &[]);
    assert_whole(room, &outcome);
    for row in parsed(&outcome)["attempts"].as_array().unwrap() {
        assert_ne!(row["positive_control"], "", "{row}");
    }
}

pub(crate) fn a_bottle_that_works_is_attacked_and_works_on(room: &Room) {
    room.agent("");
    let id = room.detach(&["sleep", "600"]);
    let attack = || room.bottle(&["verify", &id, "--json"]).run();
    assert_whole(room, &attack());
    assert_eq!(room.exec(&id, &["echo", "still here"]).ok(), "still here\n");
    assert_eq!(room.listed(&id).unwrap()["status"], "detached");

    if room.engine.host == Host::Gateway {
        eprintln!("left out: a container of this engine gets no network after its creation");
    } else if room.engine.has_containers() {
        let agent = format!("bottle-{id}-agent");
        let network = format!("{}-second", room.name);
        room.engine.ask(&["network", "create", &network]);
        room.engine.ask(&["network", "connect", &network, &agent]);
        let holed = attack();
        room.engine
            .ask(&["network", "disconnect", "--force", &network, &agent]);
        room.engine.ask(&["network", "rm", &network]);
        for attempt in ["one-network", "route-internet"] {
            assert_named(&holed, attempt);
        }
        // The control: without it the wall is whole again.
        assert_whole(room, &attack());
    }
    room.stop(&id);
}

pub(crate) fn an_attack_without_the_filter_names_what_it_denied(room: &Room) {
    let holed = verify(room, &[("BARE", "1")]);
    assert_named(&holed, "tiocsti");
    // docker's own filter denies the rest as well.
    if room.engine.name != "docker" {
        for attempt in ["keyring", "vsock", "user-namespace"] {
            assert_named(&holed, attempt);
        }
    }
}

pub(crate) fn without_its_rule_the_hosts_bridge_takes_packets(room: &Room) {
    if has_wall(room) {
        assert_named(&verify(room, &[("OPEN", "1")]), "udp-bound");
    }
}

pub(crate) fn a_bottle_that_is_started_again_is_walled_again(room: &Room) {
    room.agent("");
    let script = "echo run >> /workspace/runs; exec sleep 600";
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", script]);
    let id = room.left_running(&call);
    let attack = || room.bottle(&["verify", &id, "--json"]).run();
    let start = |hole: &[(&str, &str)]| {
        room.stop(&id);
        holed(room, room.bottle(&["start", &id]), hole).run()
    };
    start(&[]).code(0);
    assert_whole(room, &attack());
    if has_wall(room) {
        // The control: a start that leaves the rule out leaves the hole that it closes.
        start(&[("OPEN", "1")]).code(0);
        assert_named(&attack(), "udp-bound");
        let runs = room.exec(&id, &["cat", "/workspace/runs"]).ok();
        // And where it cannot be laid, the agent's command does not begin.
        start(&[("BROKEN", "1")])
            .code(1)
            .says("the bottle is not sealed")
            .says("host's bridge");
        assert_eq!(room.listed(&id).unwrap()["status"], "stopped");
        start(&[]).code(0);
        assert_whole(room, &attack());
        let now = room.exec(&id, &["cat", "/workspace/runs"]).ok();
        assert_eq!(now, runs + "run\n");
    }
    room.bottle(&["rm", "--force", &id]).run().code(0);
}

/// Tells whether the rule on the agent's network closes something here that is open without it.
fn has_wall(room: &Room) -> bool {
    if room.engine.host == Host::Gateway {
        eprintln!("left out: the host of this engine answers anyway");
        return false;
    }
    // A host that checks where packets come from drops them by itself.
    let strict = fs::read_to_string("/proc/sys/net/ipv4/conf/all/rp_filter");
    if strict.is_ok_and(|text| text.trim() != "0") {
        eprintln!("left out: this host drops packets from where it has no route to");
        return false;
    }
    true
}

pub(crate) fn a_mounted_socket_is_named(room: &Room) {
    let folder = room.path("sockets");
    fs::create_dir(&folder).unwrap();
    let _listener = UnixListener::bind(folder.join("daemon.sock")).unwrap();
    let add = format!("--volume={}:/srv:ro", folder.display());
    assert_named(&verify(room, &[("ADD", &add)]), "mounted-sockets");
}

pub(crate) fn an_added_capability_is_named(room: &Room) {
    assert_named(
        &verify(room, &[("ADD", "--cap-add=NET_RAW")]),
        "capabilities",
    );
}

pub(crate) fn a_secret_in_a_file_is_named(room: &Room) {
    room.write("secrets/token", "hunter2");
    let add = format!(
        "--volume={}:/run/secrets:ro",
        room.path("secrets").display()
    );
    assert_named(&verify(room, &[("ADD", &add)]), "credential-files");
}
