//! An agent that may take so long and no longer.

use std::fs;

use crate::harness::{DEADLINE, Room, until};

pub(crate) fn an_agent_ends_when_its_time_is_over(room: &Room) {
    room.agent("");
    // The control: with time enough, the status is the agent's own.
    let own = room.run_call(&["--timeout", "10m"], &["sh", "-c", "exit 7"]);
    own.run().code(7);
    let script = "echo out; exec sleep 600";
    let ended = room
        .run_call(&["--timeout", "3s"], &["sh", "-c", script])
        .run();
    ended
        .code(124)
        .says("the time that `--timeout` gave is over");
    assert_eq!(ended.stdout, "out\n");
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    let told: Vec<String> = room
        .states()
        .iter()
        .map(|id| fs::read_to_string(room.state(id).join("record.json")).unwrap())
        .filter(|record| record.contains("\"ended-by\": \"timeout\""))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

pub(crate) fn a_detached_agent_ends_when_its_time_is_over(room: &Room) {
    room.agent("");
    let detach = |time: &str, script: &str| {
        let call = room.run_call(&["--detach", "--timeout", time], &["sh", "-c", script]);
        call.run().ok().trim().to_owned()
    };
    let patient = detach("1h", "exec sleep 600");
    let id = detach("3s", "exec sleep 600");
    let row = until("its time is over", DEADLINE, || {
        room.listed(&id).filter(|row| row["status"] == "stopped")
    });
    assert!(row["deadline"].is_string(), "{row}");
    // Apple's engine tells no status of a container that has ended; the log does.
    if row["exit"].is_number() {
        assert_eq!(
            (&row["exit"], &row["ended-by"]),
            (&124.into(), &"timeout".into())
        );
    }
    let logs = room.bottle(&["logs", &id]).run();
    let text = logs.stdout + &logs.stderr;
    assert!(
        text.contains("the time that `--timeout` gave the agent is over"),
        "{text}"
    );
    // The control: one with time enough still runs.
    let row = room.listed(&patient).unwrap();
    assert_eq!(row["status"], "detached", "{row}");
    let shown = room.bottle(&["inspect", &patient]).run().ok();
    assert!(shown.contains("\"timeout\": 3600"), "{shown}");
    room.stop(&id);
    room.stop(&patient);
}
