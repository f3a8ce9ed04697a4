//! Two bottles at the same time do not see each other.

use serde_json::json;

use crate::harness::{DEADLINE, Room, until};
use crate::walls::{ATTACK, attack};

const SERVE: [&str; 4] = ["python3", "-m", "http.server", "8000"];

pub(crate) fn two_bottles_do_not_see_each_other(room: &Room) {
    room.agent("");
    let ids = [room.detach(&SERVE), room.detach(&SERVE)];
    let around = ids.each_ref().map(|id| {
        let address = |role: &str, network: &str| {
            room.engine.address(
                &format!("bottle-{id}-{role}"),
                &format!("bottle-{id}-{network}"),
            )
        };
        let [agent, sidecar, egress] = [
            address("agent", "internal"),
            address("sidecar", "internal"),
            address("sidecar", "egress"),
        ];
        json!([
            ["tcp", agent, 8000],
            ["tcp", sidecar, 3128],
            ["tcp", egress, 3128],
            ["tcp", egress, 8000]
        ])
    });
    let try_all = |from: usize, to: usize| {
        let command = ["python3", "-c", ATTACK, &around[to].to_string()];
        let results = attack(&room.exec(&ids[from], &command).ok());
        results
            .iter()
            .map(|result| result[3].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for (this, other) in [(0, 1), (1, 0)] {
        // The control: each has what it looks for in the other.
        until("the agent serves", DEADLINE, || {
            (try_all(this, this)[..2] == ["open", "open"]).then_some(())
        });
        for result in try_all(this, other) {
            assert!(
                !["open", "ECONNREFUSED"].contains(&result.as_str()),
                "{result}"
            );
        }
    }
    for id in &ids {
        room.stop(id);
    }
}
