//! What the agent's process may do, seen from inside.

use crate::harness::{Host, Origin, Outcome, Room};

const STATUS: &str = "id -u; grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs):' /proc/self/status; ls /var/run/docker.sock /run/podman/podman.sock 2>&1 | grep -v 'No such'; true";
const NO_CAPABILITIES: &str = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                               CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";

pub(crate) fn the_agent_is_nobody_and_can_do_nothing(room: &Room) {
    room.agent("");
    let attached = room.run(&["sh", "-c", STATUS]).ok();
    let (user, rest) = attached.split_once('\n').unwrap();
    assert_ne!(user, "0");
    assert_eq!(rest, NO_CAPABILITIES);

    let id = room.detach(&["sleep", "600"]);
    assert_eq!(room.exec(&id, &["sh", "-c", STATUS]).ok(), attached);
    let bound = room
        .engine
        .bound_on_processes(&format!("bottle-{id}-agent"));
    if let Some(bound) = bound {
        assert_eq!(bound, 4096);
    } else {
        // Where the engine has none, the agent's user is bound from inside.
        let limits = room.exec(&id, &["cat", "/proc/self/limits"]).ok();
        let mut lines = limits.lines();
        let processes = lines.find(|line| line.starts_with("Max processes"));
        let words: Vec<&str> = processes.unwrap().split_whitespace().collect();
        assert_eq!(words[2..4], ["4096", "4096"]);
    }
    room.stop(&id);
}

pub(crate) fn root_is_root_by_name_only(room: &Room) {
    room.agent("user = \"root\"");
    let printed = room.run(&["sh", "-c", STATUS]).ok();
    assert_eq!(printed, format!("0\n{NO_CAPABILITIES}"));
}

pub(crate) fn a_bound_on_processes_holds(room: &Room) {
    room.agent("[resources]\npids = 100");
    let fork = "import os, time\nn = 0\ntry:\n  while n < 300:\n    if os.fork() == 0: time.sleep(600)\n    n += 1\nexcept OSError:\n  pass\nprint(n)";
    let count = |outcome: Outcome| outcome.ok().trim().parse::<u32>().unwrap();
    let bound = count(room.run(&["python3", "-c", fork]));
    assert!(bound < 100, "{bound}");
    // The control: without the bound, all are made.
    room.agent("");
    assert_eq!(count(room.run(&["python3", "-c", fork])), 300);
}

pub(crate) fn a_read_only_root_is_read_only(room: &Room) {
    let script = "for d in / /etc /usr /root-probe; do touch $d/probe 2>/dev/null && echo $d; done; \
                  for d in /tmp $HOME /workspace; do touch $d/probe && echo $d; done; true";
    room.agent("user = \"root\"\nread-only = true");
    let printed = room.run(&["sh", "-c", script]).ok();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines.contains(&"/tmp") && lines.contains(&"/workspace"),
        "{printed}"
    );
    assert!(
        !lines
            .iter()
            .any(|line| ["/", "/etc", "/usr"].contains(line)),
        "{printed}"
    );
    // The control: where it was not asked for, the same places can be written to by root.
    room.agent("user = \"root\"");
    let printed = room.run(&["sh", "-c", script]).ok();
    assert!(printed.contains("/etc\n/usr\n/tmp\n"), "{printed}");
}

/// Builds an image of the engine's, with one more step.
fn build(room: &Room, name: &str, step: &str) -> String {
    let image = format!("localhost/{}-{name}", room.name);
    let text = format!("FROM {}\n{step}\n", room.engine.image);
    let file = room.write(&format!("{name}/Dockerfile"), &text);
    let folder = file.parent().unwrap().to_str().unwrap().to_owned();
    // podman's own format of images has no such steps as `ONBUILD`.
    let call = room
        .engine
        .call(&["build", "--quiet", "--tag", &image, &folder]);
    call.env("BUILDAH_FORMAT", "docker").run().code(0);
    image
}

pub(crate) fn build_steps_that_an_image_brings_reach_nothing(room: &Room) {
    let origin = Origin::plain();
    let reach = format!("ONBUILD RUN curl -s {}", origin.url("/escaped"));
    let (hostile, plain) = (
        build(room, "hostile", &reach),
        build(room, "plain", "ENV PLAIN=1"),
    );
    room.agent("");
    let refused = room.run_call(&["--image", &hostile], &["true"]).run();
    // podman does not tell of such steps: it runs them, without a network.
    if room.engine.host != Host::Hidden {
        refused.says("ONBUILD");
    }
    refused.code(125);
    assert_eq!(origin.connections(), Vec::new());
    // The control: the same without such steps.
    room.run_call(&["--image", &plain], &["true"]).run().code(0);
    room.engine
        .ask(&["image", "rm", "--force", &hostile, &plain]);
}

pub(crate) fn an_image_in_which_the_guest_could_be_replaced_is_refused(room: &Room) {
    room.agent("");
    let open = build(room, "open", "RUN mkdir -m 777 /.bottle");
    let closed = build(room, "closed", "RUN mkdir -m 755 /.bottle");
    let refused = room.run_call(&["--image", &open], &["true"]).run();
    refused
        .code(125)
        .says("only root may write to `/` and `/.bottle`");
    // The control: the same folder, where only root may write to it.
    room.run_call(&["--image", &closed], &["true"])
        .run()
        .code(0);
    room.engine.ask(&["image", "rm", "--force", &open, &closed]);
}

pub(crate) fn an_unprivileged_agent_works_on_a_read_only_root(room: &Room) {
    room.write("source/file", "from the host");
    room.agent("read-only = true\n[workspace]\nsource = \"source\"");
    let script = "id -u; cat file; touch /etc/probe 2>/dev/null && echo etc; \
                  for d in . $HOME /tmp; do echo '#!/bin/sh' > $d/run && chmod +x $d/run && $d/run && echo ok; done; \
                  touch /.bottle/run/probe 2>/dev/null && echo bottle; true";
    let printed = room.run(&["sh", "-c", script]).ok();
    let (user, rest) = printed.split_once('\n').unwrap();
    assert_ne!(user, "0");
    assert_eq!(rest, "from the hostok\nok\nok\n");
}
