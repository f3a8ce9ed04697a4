//! The workspace, the prompt and the environment, as the agent finds them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::harness::Room;

pub(crate) fn a_copied_workspace_is_whole_and_the_hosts_stays_as_it_is(room: &Room) {
    tree(room);
    room.agent("[workspace]\nsource = \"tree\"");
    let script = "cat data.txt link && ./run.sh && stat -c '%a %u' run.sh data.txt && id -u \
                  && echo changed > data.txt && rm run.sh && touch new";
    let user = room.run(&["id", "-u"]).ok();
    let user = user.trim();
    assert_ne!(user, "0");
    assert_eq!(
        room.run(&["sh", "-c", script]).ok(),
        format!("data\ndata\nran\n755 {user}\n640 {user}\n{user}\n")
    );
    assert_eq!(
        fs::read_to_string(room.path("tree/data.txt")).unwrap(),
        "data\n"
    );
    assert!(room.path("tree/run.sh").exists() && !room.path("tree/new").exists());
}

pub(crate) fn a_mounted_workspace_is_the_hosts(room: &Room) {
    tree(room);
    for file in ["tree", "tree/data.txt"] {
        fs::set_permissions(room.path(file), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script = "cat data.txt && echo changed > data.txt && touch new";

    room.agent("[workspace]\nsource = \"tree\"\nmode = \"mount-ro\"");
    let refused = room.run(&["sh", "-c", script]);
    assert!(refused.code != 0 && refused.stdout == "data\n", "{refused}");
    refused.says("Read-only file system");
    assert_eq!(
        fs::read_to_string(room.path("tree/data.txt")).unwrap(),
        "data\n"
    );
    forget(room);

    // The control: with the right to write, the same script writes.
    room.agent("[workspace]\nsource = \"tree\"\nmode = \"mount\"");
    room.run(&["sh", "-c", script]).code(0);
    assert_eq!(
        fs::read_to_string(room.path("tree/data.txt")).unwrap(),
        "changed\n"
    );
    assert!(room.path("tree/new").exists());
}

pub(crate) fn the_prompt_and_the_environment_arrive(room: &Room) {
    let prompt = "Do \\\"this\\\".\\nThen $HOME.";
    let script = "printf '%s|' \\\"$1\\\"; cat \\\"$BOTTLE_PROMPT_FILE\\\"; printf '|%s|%s|%s' \\\"$LEVEL\\\" \\\"$BASE\\\" \\\"$GIVEN\\\"";
    room.agent_on(
        &format!("prompt = \"{prompt}\"\ncommand = [\"sh\", \"-c\", \"{script}\", \"sh\"]"),
        "[env]\nLEVEL = \"debug\"\nBASE = { host = \"API_BASE\" }",
    );
    let call = room.run_call(&["--env", "GIVEN=by hand"], &[]);
    let text = "Do \"this\".\nThen $HOME.";
    assert_eq!(
        call.clone().env("API_BASE", "from the host").run().ok(),
        format!("{text}|{text}|debug|from the host|by hand")
    );

    // What is not set on the host is an error, and nothing is made.
    call.run().says("API_BASE").code(125);
    assert_eq!(room.states(), Vec::<String>::new());
}

pub(crate) fn what_must_be_asked_for_is_refused_without_a_terminal(room: &Room) {
    room.agent("[env]\nPASSCODE = { ask = \"One-time passcode\" }");
    room.run(&["true"])
        .says("there is no terminal to ask on")
        .code(125);
    assert_eq!(room.states(), Vec::<String>::new());
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    // The control: without the question it runs.
    room.agent("");
    room.run(&["true"]).code(0);
}

fn tree(room: &Room) {
    room.write("tree/data.txt", "data\n");
    room.write("tree/run.sh", "#!/bin/sh\necho ran\n");
    symlink("data.txt", room.path("tree/link")).unwrap();
    for (file, mode) in [("tree/data.txt", 0o640), ("tree/run.sh", 0o755)] {
        fs::set_permissions(room.path(file), fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Removes what is kept of an agent that failed.
fn forget(room: &Room) {
    room.bottle(&["clean", "--yes"]).run().code(0);
}
