//! A bottle's files, kept as an image, and bottles that are made from it.

use serde_json::Value;

use crate::harness::{HELLO, Origin, Room};

const TOKEN: &str = "tok-93c1e0aa57";
const PLANTED: &str = "planted-variable-5521";
const PROMPT: &str = "planted-prompt-8834";

/// Prints every file of the bottle's that can be read and holds one of the texts, but for what runs in it.
fn grep(texts: &[&str]) -> String {
    // A class of one letter, so that the command does not find itself where it is written down.
    let pattern = |text: &&str| format!("-e '[{}]{}'", &text[..1], &text[1..]);
    let patterns: Vec<String> = texts.iter().map(pattern).collect();
    format!(
        "grep -rlI {} /.bottle /etc /home /root /tmp /var /workspace /opt /srv 2>/dev/null; true",
        patterns.join(" ")
    )
}

/// Checks that the snapshot is listed and its image tells none of the texts; returns the image's name.
fn described(room: &Room, name: &str, texts: &[&str]) -> String {
    let listed = room.bottle(&["ls", "--snapshots"]).run().ok();
    assert!(
        listed.lines().any(|line| line.starts_with(name)),
        "{listed}"
    );
    let rows = room.bottle(&["ls", "--snapshots", "--json"]).run().ok();
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let image = rows[0]["image"].as_str().unwrap().to_owned();
    let described = room.engine.ask(&["image", "inspect", &image]);
    assert!(described.contains('{'), "{described}");
    for text in texts {
        assert!(!described.contains(text), "{described}");
    }
    image
}

pub(crate) fn a_snapshot_has_the_agents_files_and_no_secret_of_the_old_bottle(room: &Room) {
    let origin = Origin::tls();
    room.write("ca.pem", origin.ca());
    let route = origin.route("api.test");
    let old = format!(
        "[env]\nPLANTED = \"{PLANTED}\"\n[egress]\nextra-ca = [\"ca.pem\"]\n{route}auth = {{ scheme = \"bearer\", secret = {{ host = \"EXAMPLE_TOKEN\" }} }}\n"
    );
    room.agent_on(&format!("prompt = \"{PROMPT}\"\n"), &old);
    let name = format!("{}-kept", room.name);
    let script =
        "echo mine > /workspace/made; mkdir -p ~/deep; echo home > ~/deep/file; exec sleep 600";
    let call = room.run_call(&["--detach", "--keep"], &["sh", "-c", script]);
    let id = room.left_running(&call.env("EXAMPLE_TOKEN", TOKEN));
    crate::harness::until("the agent has written", crate::harness::DEADLINE, || {
        (room.exec(&id, &["cat", "/workspace/made"]).stdout == "mine\n").then_some(())
    });
    let old_ca = room
        .exec(&id, &["sed", "-n", "2p", "/.bottle/run/ca.pem"])
        .ok();
    let old_ca = old_ca.trim().to_owned();
    let texts = [PLANTED, PROMPT, TOKEN, old_ca.as_str()];
    // The control: in the old bottle they are found, but for the credential, which never was there.
    let found = room.exec(&id, &["sh", "-c", &grep(&texts)]).ok();
    assert!(found.contains("/.bottle/run/environment.json"), "{found}");
    assert!(found.contains("/.bottle/run/prompt.md"), "{found}");
    // Apple's engine exports what is stopped in all its versions.
    room.stop(&id);
    let taken = room.bottle(&["snapshot", &id, &name]).run().ok();
    assert_eq!(taken.trim(), name);
    room.bottle(&["snapshot", &id, &name])
        .run()
        .code(1)
        .says("already");
    let image = described(room, &name, &texts);
    room.bottle(&["rm", &id]).run().code(0);
    // What is left over goes, and a snapshot is not that.
    room.bottle(&["clean", "--yes"]).run().code(0);

    let new = format!("[egress]\nextra-ca = [\"ca.pem\"]\n{route}");
    room.agent(&new);
    let script = format!(
        "cat /workspace/made ~/deep/file; curl -fsS {}; {}",
        origin.url("/hello"),
        grep(&texts)
    );
    let ran = room
        .run_call(&["--from", &name], &["sh", "-c", &script])
        .run();
    assert_eq!(ran.code(0).stdout, format!("mine\nhome\n{HELLO}"), "{ran}");

    assert_eq!(
        room.bottle(&["rm", "--snapshot", &name]).run().ok().trim(),
        name
    );
    assert_eq!(
        room.bottle(&["ls", "--snapshots", "--json"]).run().ok(),
        "[]\n"
    );
    assert_ne!(
        room.engine.call(&["image", "inspect", &image]).run().code,
        0
    );
    let gone = room.run_call(&["--from", &name], &["true"]).run();
    gone.code(125).says("there is no snapshot");
}
