//! `guest exec`: what the command gets, and what is said when there is none.

use crate::room::guest_in_room;

/// An environment file as `provision` writes it.
pub(crate) fn prepared(env: &str, more: &str) -> String {
    format!(
        r#"mkdir -p .bottle/run work
        echo '{{"env":{env},"workdir":"/work"}}' > .bottle/run/environment.json
        {more}"#
    )
}

#[test]
fn the_command_gets_the_bottles_environment() {
    let prepare = prepared(
        r#"{"KEY":"hunter2","KEEP":"bottle"}"#,
        "export KEEP=image OTHER=image; unset HOME; mkdir -p etc home/x; echo x:x:0:0::/home/x:/bin/sh > etc/passwd",
    );
    let script = r#"echo "$KEY $KEEP $OTHER $HOME $PWD $0 $1"; exit 37"#;
    let Some(ended) = guest_in_room(
        &prepare,
        &["exec", "--", "sh", "-c", script, "a", "b c"],
        b"",
    ) else {
        return;
    };
    assert_eq!(ended.text(), "hunter2 bottle image /home/x /work a b c\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(37), ""));
}

#[test]
fn the_command_is_found_in_the_bottles_path_and_gets_its_input() {
    let prepare = prepared(
        r#"{"PATH":"/tools:/bin","HOME":"/own"}"#,
        "mkdir tools; printf '#!/bin/sh\\necho $HOME $0 $1; cat' > tools/tool; chmod 755 tools/tool",
    );
    let Some(ended) = guest_in_room(&prepare, &["exec", "tool", "--"], b"input") else {
        return;
    };
    assert_eq!(ended.fine().text(), "/own /tools/tool --\ninput");
}

#[test]
fn a_command_that_cannot_run_ends_as_in_a_shell() {
    let prepare = prepared(
        "{}",
        "touch work/plain; printf '#!/no/such\\n' > work/script; chmod 755 work/script",
    );
    for (command, code, words) in [
        ("no-such-program", 127, "`no-such-program` was not found"),
        ("./missing", 127, "`./missing` was not found"),
        ("./plain", 126, "`./plain` cannot be executed"),
        ("/work", 126, "`/work` cannot be executed"),
        ("./script", 127, "cannot execute `./script`"),
    ] {
        let Some(ended) = guest_in_room(&prepare, &["exec", command], b"") else {
            return;
        };
        ended.failed(code, words);
    }
    guest_in_room(&prepare, &["exec", "true"], b"")
        .unwrap()
        .fine();
}

#[test]
fn a_bottle_that_is_not_ready_is_bottles_own_failure() {
    let damaged =
        "mkdir -p .bottle/run; echo '{\"env\":{\"K\":\"hunter2' > .bottle/run/environment.json";
    for (prepare, words) in [
        ("", "was not provisioned"),
        (
            &prepared("{}", "rmdir work"),
            "cannot start in the folder `/work`",
        ),
        (
            &prepared(r#"{"A=B":"x"}"#, ""),
            "a variable that no environment can hold",
        ),
        (
            &prepared("{\"\\u0000\":\"x\"}", ""),
            "a variable that no environment can hold",
        ),
        (damaged, "is damaged"),
    ] {
        let Some(ended) = guest_in_room(prepare, &["exec", "true"], b"") else {
            return;
        };
        let ended = ended.failed(125, words);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}
