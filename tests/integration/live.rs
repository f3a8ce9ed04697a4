//! The policy is changed while the bottle runs, and its log can be checked.

use serde_json::Value;

use crate::harness::{DEADLINE, Origin, Room, until};

/// A bottle that may ask for `/hello` only, and its origin.
fn bottle(room: &Room, command: &[&str]) -> (Origin, String) {
    let origin = Origin::plain();
    room.agent(&format!(
        "[egress]\n{}paths = [\"/hello\"]\n",
        origin.route("api.test")
    ));
    let id = room.detach(command);
    (origin, id)
}

/// What the agent gets for a path.
fn status(room: &Room, id: &str, origin: &Origin, path: &str) -> String {
    let url = origin.url(path);
    let curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", &url];
    room.exec(id, &curl).ok()
}

fn live(room: &Room, id: &str) -> Value {
    let shown = room.bottle(&["inspect", id]).run().ok();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["sidecar"]["live"].clone()
}

pub(crate) fn what_is_allowed_works_and_what_is_denied_ends(room: &Room) {
    let (origin, id) = bottle(room, &["sleep", "600"]);
    let place = format!("api.test:{}", origin.port());
    let get = |path: &str| status(room, &id, &origin, path);
    let tell = |args: &[&str]| room.bottle(args).run();
    assert_eq!((get("/hello"), get("/more")), ("200".into(), "403".into()));
    assert_eq!(live(room, &id), Value::Array(Vec::new()));

    let allowed = tell(&["allow", &id, &place, "--method", "GET", "--path", "/more"]);
    allowed.code(0);
    allowed.says(&format!("allow {place} GET /more (by cli)"));
    assert_eq!((get("/more"), get("/other")), ("200".into(), "403".into()));

    tell(&["deny", &id, &place]).code(0);
    assert_eq!((get("/hello"), get("/more")), ("403".into(), "403".into()));
    let newest = live(room, &id);
    assert_eq!(newest[0]["change"]["kind"], "deny", "{newest}");

    // The newest one counts, and what cannot be done leaves it as it is.
    tell(&["allow", &id, &place]).code(0);
    tell(&["deny", &id, "no host"]).code(2);
    tell(&["allow", &id, &place, "--for", "9999h"])
        .code(1)
        .says("30 days");
    assert_eq!((get("/hello"), get("/other")), ("200".into(), "200".into()));
    assert_eq!(origin.requests().len(), 4);

    let audit = room.bottle(&["audit", &id]).run().ok();
    let changes = audit
        .lines()
        .filter(|line| line.contains("changed"))
        .count();
    assert_eq!(changes, 3, "{audit}");
    the_log_is_whole_until_it_is_cut(room, &id);
    room.stop(&id);
    tell(&["allow", &id, &place]).code(1);
}

/// The chain holds; with its last line gone it still does, and only the sidecar knows better.
fn the_log_is_whole_until_it_is_cut(room: &Room, id: &str) {
    let verify = || room.bottle(&["audit", id, "--verify"]).run();
    let whole = verify().ok();
    assert!(
        whole.contains("the one that the sidecar remembers"),
        "{whole}"
    );
    let name = format!("state/bottle/{id}/audit/audit.jsonl");
    let text = std::fs::read_to_string(room.path(&name)).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    room.write(&name, &text[..cut]);
    let broken = verify();
    broken.code(1);
    assert!(broken.stdout.contains("is missing at the end"), "{broken}");
    room.write(&name, &text);
    verify().code(0);
}

pub(crate) fn what_is_allowed_for_a_time_ends_by_itself(room: &Room) {
    // The agent itself tells what it gets all the while.
    let script = "while :; do curl -sS -o /dev/null -w '%{http_code}\\n' $URL; sleep 0.1; done";
    let origin = Origin::plain();
    room.agent(&format!(
        "[egress]\n{}paths = [\"/hello\"]\n[env]\nURL = \"{}\"\n",
        origin.route("api.test"),
        origin.url("/more")
    ));
    let id = room.detach(&["sh", "-c", script]);
    let statuses = || {
        let printed = room.bottle(&["logs", &id]).run().ok();
        let mut statuses: Vec<String> = printed.lines().map(str::to_owned).collect();
        statuses.dedup();
        statuses
    };
    until("it is denied", DEADLINE, || {
        (statuses() == ["403"]).then_some(())
    });
    let place = format!("api.test:{}", origin.port());
    let allowed = room.bottle(&["allow", &id, &place, "--for", "2s"]).run();
    allowed.code(0);
    allowed.says(", until ");
    until("it has ended", DEADLINE, || {
        (statuses() == ["403", "200", "403"]).then_some(())
    });
    assert_eq!(live(room, &id), Value::Array(Vec::new()));
    let audit = room.bottle(&["audit", &id]).run().ok();
    assert!(audit.contains("  ended     allow api.test"), "{audit}");
    room.stop(&id);
}
