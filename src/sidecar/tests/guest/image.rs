//! `guest adopt` and `guest provision`, one after the other as a build and a start do.

use bottle_contract::guest::Provisioned;

use crate::room::guest_in_room;

const CA: &str = "-----BEGIN CERTIFICATE-----\\nQk9UVExF\\n-----END CERTIFICATE-----\\n";

#[test]
fn an_adopted_and_provisioned_image_runs_a_command() {
    // Numbers that every user namespace has a place for.
    let prepare = "chmod 755 . .bottle; echo roots > .bottle/roots.pem
        chroot . /.bottle/guest adopt 0:0 /workspace";
    let message = format!(
        r#"{{"ca":"{CA}","env":{{"KEY":"hunter2"}},"prompt":"Do it.","workdir":"/workspace","command":[]}}"#
    );
    let Some(ended) = guest_in_room(prepare, &["provision"], message.as_bytes()) else {
        return;
    };
    // What the trust store came to depends on the machine whose programs are in the room.
    let answer: Provisioned = serde_json::from_str(ended.fine().text()).unwrap();
    assert!(answer.skipped.is_some(), "{answer:?}");

    let prepare =
        format!("{prepare}; printf '%s' '{message}' | chroot . /.bottle/guest provision > answer");
    let script =
        "echo $KEY $HOME $PWD; cat /.bottle/run/prompt.md; ls -A /.bottle/run; cat /etc/passwd";
    let ended = guest_in_room(&prepare, &["exec", "sh", "-c", script], b"").unwrap();
    assert_eq!(
        ended.fine().text(),
        "hunter2 /home/agent /workspace\n\
         Do it.ca-bundle.pem\nca.pem\nenvironment.json\nprompt.md\n\
         agent:x:0:0::/home/agent:/bin/bash\n"
    );
}
