//! The service: up, stopped, and of several ages.

use serde_json::Value;

use super::mac::{Answer, Mac, answer};

fn with(mac: &Mac, variable: &str, value: &str, words: &[&str]) -> Answer {
    answer(&mac.command(words).env(variable, value).stdin_null())
}

#[test]
fn what_needs_the_service_says_how_to_start_it() {
    let Some(mac) = Mac::new() else { return };
    let down = |words: &[&str]| with(&mac, "APPLE_STAND_IN_DOWN", "1", words);
    for words in [
        &["list"][..],
        &["network", "create", "x1"],
        &["image", "inspect", mac.image],
    ] {
        mac.call(words).ok();
        down(words).refused(
            "Ensure container system service has been started with `container system start`",
        );
    }
    let status = down(&["system", "status", "--format=json"]);
    assert_eq!(status.status, 1);
    assert!(
        status.stdout.contains("\"status\":\"unregistered\""),
        "{status:?}"
    );
    assert!(
        down(&["--version"])
            .ok()
            .starts_with("container CLI version 1.2.2 (build: release")
    );
    let version = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let words = ["system", "version", "--format=json"];
    assert_eq!(version(down(&words).ok()).as_array().unwrap().len(), 1);
    assert_eq!(version(mac.call(&words).ok()).as_array().unwrap().len(), 2);
}

#[test]
fn stopping_is_remembered() {
    let Some(mac) = Mac::new() else { return };
    mac.say("run --detach --name=@-a IMAGE sleep 600").ok();
    mac.say("system stop").ok();
    mac.say("list").refused("container system start");
    mac.say("system start").ok();
    assert_eq!(mac.inspect("@-a")["status"]["state"], "stopped");
}

#[test]
fn ages_differ_in_shape() {
    let Some(mac) = Mac::new() else { return };
    let words = ["system", "status", "--format=json"];
    let status = |version| with(&mac, "APPLE_STAND_IN_VERSION", version, &words).ok();
    let (flat, nested) = (status("1.2.2"), status("1.5.0"));
    assert!(
        flat.contains("\"apiServerCommit\"") && flat.contains("\\/usr\\/local\\/"),
        "{flat}"
    );
    assert!(
        nested.contains("\"server\":{") && nested.contains("\"/usr/local/\""),
        "{nested}"
    );
    with(&mac, "APPLE_STAND_IN_VERSION", "0.12.3", &["list"]).refused("lacks what 0.12.3 does");
    with(&mac, "APPLE_STAND_IN_VERSION", "1.0.0", &["list"]).ok();
}

#[test]
fn invocations_are_recorded() {
    let Some(mac) = Mac::new() else { return };
    let file = mac.folder().join("log").display().to_string();
    with(&mac, "APPLE_STAND_IN_LOG", &file, &["list", "--all"]).ok();
    with(&mac, "APPLE_STAND_IN_LOG", &file, &["no", "such command"]);
    let log = std::fs::read_to_string(file).unwrap();
    assert_eq!(log, "[\"list\",\"--all\"]\n[\"no\",\"such command\"]\n");
}
