//! Section 9.1, item 1: what a faithful stand-in must refuse.

use crate::harness::check_all;

#[test]
fn options_that_do_not_exist() {
    check_all(&[
        ("inspect --format json x", "64"),
        ("inspect x", "ok"),
        ("volume create --size 1g x", "64"),
        ("volume create -s 1g x", "ok"),
        ("run --cpus=1.5 x", "64"),
        ("build --network default /ctx", "64"),
        ("build /ctx", "ok"),
        ("list --filter a=b", "64"),
    ]);
    for option in [
        "--add-host a:b",
        "--sysctl a=b",
        "--hostname h",
        "--ip 1.2.3.4",
        "--gpus all",
        "--restart always",
        "--health-cmd c",
        "--health-interval 1s",
        "--network-alias a",
        "--privileged",
        "--security-opt o",
        "--pids-limit 1",
    ] {
        check_all(&[
            (&format!("run {option} img"), "64"),
            (&format!("create {option} img"), "64"),
        ]);
    }
}

#[test]
fn commands_that_do_not_exist() {
    for command in [
        "ps", "images", "rmi", "port", "wait", "top", "events", "attach", "rename", "update",
        "commit", "pause",
    ] {
        let refusal = format!("64 Plugin 'container-{command}' not found.");
        check_all(&[(command, &refusal), (&format!("{command} -a x"), &refusal)]);
    }
    check_all(&[
        (
            "network connect n c",
            "64 3 unexpected arguments: 'connect', 'n', 'c'",
        ),
        ("network disconnect n c", "64"),
    ]);
}
