//! `bottle allow` and `bottle deny`, as far as they come without a bottle that runs.

use serde_json::json;

use crate::world::{Fake, World};

#[test]
fn what_is_no_host_method_path_or_time_is_a_wrong_command_line() {
    for (args, part) in [
        (&["allow", "a", "https://a.test"][..], "HOST[:PORT]"),
        (&["allow", "a", "a.test:x"], "HOST[:PORT]"),
        (&["allow", "a", "a.*.test"], "HOST[:PORT]"),
        (&["allow", "a", "a.test", "--method", "G T"], "--method"),
        (&["allow", "a", "a.test", "--path", "x"], "--path"),
        (&["allow", "a", "a.test", "--for", "10"], "such as `90s`"),
        (
            &["allow", "a", "a.test", "--for", "0s"],
            "at least one second",
        ),
        (&["deny", "a", ""], "HOST[:PORT]"),
        (&["deny", "a", "a.test", "--for", "10m"], "--for"),
        (&["deny", "a"], "HOST[:PORT]"),
    ] {
        let ran = World::new().bottle(args).ends_with(2);
        assert!(ran.raw_err.contains(part), "{part}: {ran:?}");
    }
}

#[test]
fn the_policy_of_a_bottle_that_does_not_run_stays_as_it_is() {
    let record = json!({
        "format": 1, "id": "demo-aaaaaa", "agent": "demo", "backend": "docker",
        "created": "2026-01-01T00:00:00Z", "owner": "1000.abc", "version": "0.1.0",
        "manifest": "00ff", "phase": "ended", "keep": "asked"
    });
    let world = World::new()
        .engine("docker", Fake::Answers)
        .file("state/bottle/demo-aaaaaa/record.json", &record.to_string())
        .file("state/bottle/demo-aaaaaa/lock", "");
    for args in [
        &[
            "allow", "demo", "a.test", "--method", "GET", "--path", "/x/**", "--for", "10m",
        ][..],
        &["deny", "demo", "*.a.test:8443"],
    ] {
        let ran = world.bottle(args).ends_with(1);
        let why = "the bottle `demo-aaaaaa` does not run: it is ended";
        assert!(ran.raw_err.contains(why), "{ran:?}");
        assert_eq!(ran.raw_out, "");
    }
    let calls = world.calls();
    assert!(calls.iter().all(|call| !call.contains("exec")), "{calls:?}");
}
