//! From `create` to `delete`.

use serde_json::{Value, json};

use super::mac::Mac;

#[test]
fn a_container_lives_and_is_described() {
    let Some(mac) = Mac::new() else { return };
    let id = format!("{}-a\n", mac.name);
    let run = "create --name=@-a --label=dev.bottle.id=x --cpus=1 --memory=256m IMAGE sleep 600";
    assert_eq!(mac.say(run).ok(), id);
    let created = mac.inspect("@-a");
    assert_eq!(
        created["status"],
        json!({"networks": [], "state": "stopped"})
    );
    assert_eq!(
        created["configuration"]["labels"],
        json!({"dev.bottle.id": "x"})
    );
    assert_eq!(
        created["configuration"]["resources"]["memoryInBytes"],
        256 << 20
    );
    assert_eq!(
        created["configuration"]["networks"][0]["network"],
        "default"
    );
    assert_eq!(mac.say("list --quiet").ok(), "");
    assert_eq!(mac.say("list --all --quiet").ok(), id);

    assert_eq!(mac.say("start @-a").ok(), id);
    let running = mac.inspect("@-a");
    assert_eq!(running["status"]["state"], "running");
    let date = running["status"]["startedDate"].as_str().unwrap();
    assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
    assert_eq!(
        running["status"]["networks"][0]["hostname"],
        json!(format!("{}-a", mac.name))
    );
    // A running one is started again without a word; only attaching is refused.
    assert_eq!(mac.say("start @-a").ok(), id);
    mac.say("start --attach @-a")
        .refused("attach is currently unsupported");

    mac.say("delete @-a")
        .refused("is running and can not be deleted");
    assert_eq!(mac.say("stop --time=1 @-a").ok(), id);
    assert_eq!(mac.say("stop @-a").ok(), id);
    let stopped = mac.inspect("@-a");
    assert_eq!(stopped["status"]["networks"], json!([]));
    assert_eq!(stopped["configuration"], running["configuration"]);
    mac.say("kill @-a")
        .refused("no runtime client exists: container is stopped");
    assert_eq!(mac.say("delete @-a @-a").ok(), id);
    mac.say("inspect @-a").refused("container not found: ");
}

#[test]
fn each_start_has_another_address() {
    let Some(mac) = Mac::new() else { return };
    mac.say("run --detach --name=@-a IMAGE sleep 600").ok();
    let address = |mac: &Mac| mac.inspect("@-a")["status"]["networks"][0]["ipv4Address"].clone();
    let first = address(&mac);
    assert_eq!(address(&mac), first);
    mac.say("kill @-a").ok();
    mac.say("start @-a").ok();
    let second = address(&mac);
    assert_ne!(second, first);
    let bare = second
        .as_str()
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let hosts = mac.shell("@-a", "cat /etc/hosts").ok();
    assert_eq!(
        hosts,
        format!("127.0.0.1 localhost\n{bare} {}-a\n", mac.name)
    );
}

#[test]
fn what_is_missing_is_said_by_all() {
    let Some(mac) = Mac::new() else { return };
    for (line, text) in [
        ("inspect @-x", "Error: container not found: @-x"),
        ("start @-x", "Error: get failed: container @-x not found"),
        (
            "exec @-x true",
            "Error: get failed: container @-x not found",
        ),
        ("logs @-x", "container with ID @-x not found"),
        ("stats --no-stream @-x", "Error: no such container: @-x"),
        ("stop @-x", "notFound: \"container with ID @-x not found\""),
        ("kill @-x", "notFound: \"container with ID @-x not found\""),
        (
            "delete @-x",
            "notFound: \"container with ID @-x not found\"",
        ),
    ] {
        mac.say(line).refused(&text.replace('@', &mac.name));
    }
    // One that is there does not help the others: an inspection is all or nothing.
    mac.say("create --name=@-a IMAGE true").ok();
    mac.say("inspect @-a").ok();
    let text = format!("container not found: {0}-x, {0}-y", mac.name);
    mac.say("inspect @-x @-a @-y").refused(&text);
    let deleted = mac.say("delete @-x @-a");
    assert_eq!(
        (deleted.status, deleted.stdout),
        (1, format!("{}-a\n", mac.name))
    );
}

#[test]
fn a_failed_run_frees_the_name() {
    let Some(mac) = Mac::new() else { return };
    mac.say("run --name=@-a IMAGE no-such-program")
        .refused("failed to find target executable");
    mac.say("run --detach --name=@-a IMAGE no-such-program")
        .refused("failed to find target executable");
    mac.say("run --detach --name=@-a IMAGE sleep 600").ok();
    mac.say("run --name=@-a IMAGE true")
        .refused("container with id");
    mac.say("create --name=@-a IMAGE true")
        .refused("container already exists");
}

#[test]
fn a_foreground_run_gives_streams_and_status() {
    let Some(mac) = Mac::new() else { return };
    let name = format!("--name={}-a", mac.name);
    let script = "echo out; echo err >&2; cat; exit 7";
    let ran = mac.call(&["run", "--rm", &name, mac.image, "sh", "-c", script]);
    assert_eq!((ran.status, ran.stdout.as_str()), (7, "out\n"));
    assert_eq!(ran.stderr, "err\n");
    mac.say("inspect @-a").refused("container not found");
    // Standard input only with `--interactive`.
    let words = ["run", "--rm", "--interactive", &name, mac.image, "cat"];
    let read = mac.command(&words).stdin_bytes("hello").read().unwrap();
    assert_eq!(read, "hello");
    let file = mac.folder().join("id");
    let cidfile = format!("--cidfile={}", file.display());
    mac.call(&[
        "run", "--detach", &name, &cidfile, mac.image, "sleep", "600",
    ])
    .ok();
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        format!("{}-a", mac.name)
    );
}

#[test]
fn the_guest_is_a_machine_of_its_own() {
    let Some(mac) = Mac::new() else { return };
    mac.say(
        "run --detach --name=@-a --read-only --tmpfs=/scratch --cap-drop=ALL --uid=1000 --gid=1000 \
         --env=A=1 --workdir=/usr --init --ulimit=nofile=512:1024 IMAGE sleep 600",
    )
    .ok();
    let read = |script: &str| mac.shell("@-a", script).ok();
    assert_eq!(read("cat /proc/sys/net/ipv4/ip_forward"), "0\n");
    assert_eq!(read("echo $A; pwd; id -u; id -g"), "1\n/usr\n1000\n1000\n");
    assert!(read("grep CapBnd /proc/self/status").contains("0000000000000000"));
    assert!(read("grep NoNewPrivs /proc/self/status").ends_with("0\n"));
    assert_eq!(
        read("cp /bin/true /scratch/t && /scratch/t && echo ran"),
        "ran\n"
    );
    assert_ne!(mac.shell("@-a", "touch /usr/x").status, 0);
    let shown = mac.inspect("@-a");
    let limits = json!([{"limit": "RLIMIT_NOFILE", "soft": 512, "hard": 1024}]);
    assert_eq!(shown["configuration"]["initProcess"]["rlimits"], limits);
    assert_eq!(shown["configuration"]["useInit"], Value::from(true));
}

#[test]
fn logs_are_those_of_the_last_start() {
    let Some(mac) = Mac::new() else { return };
    let name = format!("--name={}-a", mac.name);
    let script = "echo one; echo; echo two";
    mac.call(&["run", &name, mac.image, "sh", "-c", script])
        .ok();
    assert_eq!(mac.say("logs @-a").ok(), "one\n\ntwo\n");
    assert_eq!(mac.say("logs -n 2 @-a").ok(), "one\ntwo\n");
    mac.say("start --attach @-a").ok();
    assert_eq!(mac.say("logs @-a").ok(), "one\n\ntwo\n");
}
