//! What the manifest's routes permit and forbid, on the wire and in the audit log.

use serde_json::Value;

use crate::harness::{HELLO, Origin, Room};

pub(crate) fn plain_http_is_decided_like_the_rest(room: &Room) {
    let origin = Origin::plain();
    let other = Origin::plain();
    room.agent(&format!(
        "[egress]\n{}methods = [\"GET\"]\npaths = [\"/hello\"]\n",
        origin.route("api.test")
    ));
    let url = origin.url("/hello");
    let raw = format!("http://{}:{}/hello", origin_address(), other.port());
    let script = format!(
        "curl -fsS {url}; \
         curl -sS -o /dev/null -w '%{{http_code}}\\n' {}; \
         curl -sS -o /dev/null -w '%{{http_code}}\\n' -X POST {url}; \
         curl -sS -o /dev/null -w '%{{http_code}}\\n' {raw}; \
         curl -sS -w '%{{http_code}}\\n' http://other.test:8080/x",
        origin.url("/secret"),
    );
    let ran = room.run_call(&["--keep"], &["sh", "-c", &script]).run();
    ran.code(0);
    let printed = &ran.stdout;
    assert!(
        printed.starts_with(&format!("{HELLO}403\n403\n403\n")),
        "{ran}"
    );
    assert!(printed.ends_with("403\n"), "{ran}");
    // The agent is told what was denied, and which lines would permit it.
    for text in [
        "no route names this host",
        "[[egress.routes]]",
        "host = \"other.test\"",
        "port = 8080",
    ] {
        assert!(printed.contains(text), "{text}: {ran}");
    }
    ran.says("denied 1×: other.test:8080");

    let seen: Vec<String> = origin
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert_eq!(seen, ["/hello"], "only what is permitted arrives");
    assert_eq!(
        (origin.connections().len(), other.connections()),
        (1, Vec::new())
    );

    let id = room.states().pop().unwrap();
    audit_has_it_all(room, &id);
    room.stop(&id);
    assert_eq!(room.states(), Vec::<String>::new());
}

fn audit_has_it_all(room: &Room, id: &str) {
    let text = room.bottle(&["audit", id, "--json"]).run().ok();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records[0]["event"], "opened");
    let decisions: Vec<(&str, &str, &str)> = records
        .iter()
        .filter(|record| record["event"] == "decision")
        .map(|record| {
            let word = |key: &str| record[key].as_str().unwrap_or_default();
            (word("verdict"), word("reason"), word("path"))
        })
        .collect();
    assert_eq!(
        decisions,
        [
            ("allow", "", "/hello"),
            ("deny", "path", "/secret"),
            ("deny", "method", "/hello"),
            ("deny", "host", "/hello"),
            ("deny", "host", "/x"),
        ]
    );
    let mut finished = records
        .iter()
        .filter(|record| record["event"] == "finished");
    assert_eq!(finished.clone().count(), 1);
    assert_eq!(finished.next_back().unwrap()["status"], 200);
    // The chain that the sidecar wrote is the one that is checked here.
    let verified = room.bottle(&["audit", id, "--verify"]).run().ok();
    assert!(verified.contains("when the bottle ended"), "{verified}");
    let stats = room.bottle(&["audit", id, "--stats"]).run().ok();
    assert!(
        stats.contains("[[egress.routes]]\nhost = \"other.test\"\nport = 8080"),
        "{stats}"
    );
    let people = room.bottle(&["audit", id]).run().ok();
    assert!(
        people.contains("deny") && people.contains("other.test:8080/x"),
        "{people}"
    );
}

fn origin_address() -> std::net::IpAddr {
    crate::harness::host_address()
}

pub(crate) fn an_https_host_without_a_route_is_refused(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let port = origin.port();
    let script = format!(
        "curl -fsS {}; curl -sS https://other.test:{port}/hello; echo; \
         curl -sSk https://{}:{port}/hello; echo",
        origin.url("/hello"),
        origin_address()
    );
    let ran = room.run(&["sh", "-c", &script]);
    // What a proxy says to CONNECT is not shown by curl, but its status is.
    assert_eq!(
        (
            ran.stdout.trim(),
            ran.stderr.matches("response 403").count()
        ),
        (HELLO.trim(), 2),
        "{ran}"
    );
    ran.says("denied 1×: other.test:");
    assert_eq!(origin.requests().len(), 1);
    assert_eq!(origin.connections().len(), 1);
}
