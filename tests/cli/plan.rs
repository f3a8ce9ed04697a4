//! `bottle plan`, and `bottle run --dry-run`.

use std::fs;
use std::path::Path;

use crate::world::{Fake, World};

const AGENT: &str = r#"name = "reviewer"
command = ["review", "--all files"]
prompt = "Look at it."

[image]
reference = "debian:bookworm-slim"
read-only = true

[workspace]
source = "."

[env]
LOG_LEVEL = "debug"
API_BASE = { host = "API_BASE" }

[resources]
cpus = 1.5
memory = "1GiB"
pids = 200

[[egress.routes]]
host = "api.example.com"
auth = { scheme = "bearer", secret = { host = "EXAMPLE_TOKEN" } }
"#;

fn world() -> World {
    World::with_agent(AGENT)
        .var("API_BASE", "https://base-value.test")
        .var("EXAMPLE_TOKEN", "token-value")
}

#[test]
fn a_plan_for_docker_without_docker() {
    let ran = world()
        .bottle(&["plan", "--backend", "docker"])
        .ends_with(0);
    assert_eq!(ran.err(), "");
    insta::assert_snapshot!(ran.out(), @r#"
    # reviewer on docker (named by `--backend`)
    # note: docker does not answer here; this plan is for its version 20.10
    # note: the image is not here yet, so its own user and command are not known to this plan
    # note: images that are not here yet are fetched or built first, under a tag of their content's digest
    # note: the agent runs as user [user] (the image's own user is root), without any capability
    # note: the root file system is read-only, so the system's trust store is left as it is; the CA variables are set
    # needs trust: shows the agent this host's variable `API_BASE`, as `API_BASE` (/ROOT/work/agent.toml:14:1)
    # needs trust: reaches `api.example.com` on port 443, with the credential in this host's variable `EXAMPLE_TOKEN` (/ROOT/work/agent.toml:21:1)
    # image: debian:bookworm-slim
    # command: ["review", "--all files", "Look at it."]
    # starts in: /workspace
    # workspace: /ROOT/work (Copy)
    # variables: API_BASE, LOG_LEVEL
    # files: /ROOT/work/agent.toml
    # reaches api.example.com:443 (/ROOT/work/agent.toml:21:1)
    # scanned for secrets: on-match = block, unscannable = deny, a canary in /.bottle/run/credentials
    # the id `…-aaaaaa` stands for one that is drawn at the launch

    # network
    docker network create --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=internal --label=dev.bottle.version=[version] --internal --opt=com.docker.network.bridge.inhibit_ipv4=true '--subnet=<free>' bottle-reviewer-aaaaaa-internal
    docker network create --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=egress --label=dev.bottle.version=[version] '--subnet=<free>' bottle-reviewer-aaaaaa-egress
    docker create --pull=never --cap-drop=ALL --security-opt=no-new-privileges --no-healthcheck --log-driver=json-file --log-opt=max-size=8m --log-opt=max-file=2 --name=bottle-reviewer-aaaaaa-sidecar --hostname=sidecar --user=[self] --entrypoint=/bottle-sidecar --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=sidecar --label=dev.bottle.version=[version] --sysctl=net.ipv4.ip_forward=0 --sysctl=net.ipv6.conf.all.forwarding=0 --network=bottle-reviewer-aaaaaa-egress --read-only --tmpfs=/run:rw,exec,mode=1777 --pids-limit=128 --memory=536870912 --memory-swap=536870912 --volume=/ROOT/state/bottle/reviewer-aaaaaa/audit:/audit:rw,Z 'localhost/bottle/sidecar:<digest>' serve
    docker create --pull=never --cap-drop=ALL --security-opt=no-new-privileges --no-healthcheck --log-driver=json-file --log-opt=max-size=8m --log-opt=max-file=2 --name=bottle-reviewer-aaaaaa-agent --hostname=reviewer-aaaaaa --user=[user] --entrypoint=/.bottle/guest --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=agent --label=dev.bottle.version=[version] --network=bottle-reviewer-aaaaaa-internal --dns=127.0.0.1 --read-only --tmpfs=/tmp:rw,exec,mode=1777 --tmpfs=/run:rw,exec,mode=1777 --tmpfs=/home/agent:rw,exec,mode=1777 --tmpfs=/.bottle/run:rw,exec,mode=755 --tmpfs=/workspace:rw,exec,mode=1777 --pids-limit=200 --memory=1073741824 --memory-swap=1073741824 --cpus=1.5 'localhost/bottle/agent:<digest>' init

    # sidecar
    docker network connect bottle-reviewer-aaaaaa-internal bottle-reviewer-aaaaaa-sidecar
    docker start bottle-reviewer-aaaaaa-sidecar
    docker exec --interactive bottle-reviewer-aaaaaa-sidecar /bottle-sidecar ctl
    docker start bottle-reviewer-aaaaaa-agent

    # seal
    docker exec --interactive --user=0:0 bottle-reviewer-aaaaaa-agent /.bottle/guest provision
    docker exec --privileged --user=0:0 bottle-reviewer-aaaaaa-agent /.bottle/guest wall '<sidecar>'
    docker exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest tar-in /workspace tell
    docker exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest probe

    # run
    docker exec --interactive --tty bottle-reviewer-aaaaaa-agent /.bottle/guest exec review '--all files' 'Look at it.'
    "#);
}

#[test]
fn a_plan_for_a_mac_on_another_system() {
    let world = World::with_agent(&AGENT.replace("cpus = 1.5", "cpus = 2"))
        .var("API_BASE", "https://base-value.test")
        .var("EXAMPLE_TOKEN", "token-value");
    let ran = world
        .bottle(&["plan", "--backend", "macos-container"])
        .ends_with(0);
    assert_eq!(ran.err(), "");
    insta::assert_snapshot!(ran.out(), @r#"
    # reviewer on macos-container (named by `--backend`)
    # note: macos-container does not answer here; this plan is for its version 1.0
    # note: the image is not here yet, so its own user and command are not known to this plan
    # note: images that are not here yet are fetched or built first, under a tag of their content's digest
    # note: 192.0.2.53 stands for the resolver of that machine
    # note: the agent runs as user [user] (the image's own user is root), without any capability
    # note: this engine leaves the host an address on the internal network: services that listen on every address may answer there
    # note: this engine keeps what a detached agent prints without a bound
    # note: the root file system is read-only, so the system's trust store is left as it is; the CA variables are set
    # needs trust: shows the agent this host's variable `API_BASE`, as `API_BASE` (/ROOT/work/agent.toml:14:1)
    # needs trust: reaches `api.example.com` on port 443, with the credential in this host's variable `EXAMPLE_TOKEN` (/ROOT/work/agent.toml:21:1)
    # image: debian:bookworm-slim
    # command: ["review", "--all files", "Look at it."]
    # starts in: /workspace
    # workspace: /ROOT/work (Copy)
    # variables: API_BASE, LOG_LEVEL
    # files: /ROOT/work/agent.toml
    # reaches api.example.com:443 (/ROOT/work/agent.toml:21:1)
    # scanned for secrets: on-match = block, unscannable = deny, a canary in /.bottle/run/credentials
    # the id `…-aaaaaa` stands for one that is drawn at the launch

    # network
    container network create --internal --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=internal --label=dev.bottle.version=[version] bottle-reviewer-aaaaaa-internal
    container network create --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=egress --label=dev.bottle.version=[version] bottle-reviewer-aaaaaa-egress
    container create --cap-drop=ALL --name=bottle-reviewer-aaaaaa-sidecar --user=[self] --entrypoint=/bottle-sidecar --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=sidecar --label=dev.bottle.version=[version] --network=bottle-reviewer-aaaaaa-egress --network=bottle-reviewer-aaaaaa-internal --dns=192.0.2.53 --read-only --mount=type=tmpfs,target=/run,mode=1777 --memory=512m --mount=type=bind,source=/ROOT/state/bottle/reviewer-aaaaaa/audit,target=/audit 'localhost/bottle/sidecar:<digest>' serve
    container create --cap-drop=ALL --name=bottle-reviewer-aaaaaa-agent --user=[user] --entrypoint=/.bottle/guest --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=agent --label=dev.bottle.version=[version] --network=bottle-reviewer-aaaaaa-internal --no-dns --read-only --mount=type=tmpfs,target=/tmp,mode=1777 --mount=type=tmpfs,target=/run,mode=1777 --mount=type=tmpfs,target=/home/agent,mode=1777 --mount=type=tmpfs,target=/.bottle/run,mode=755 --mount=type=tmpfs,target=/workspace,mode=1777 --memory=1024m --cpus=2 'localhost/bottle/agent:<digest>' init

    # sidecar
    container start bottle-reviewer-aaaaaa-sidecar
    container exec --interactive bottle-reviewer-aaaaaa-sidecar /bottle-sidecar ctl
    container start bottle-reviewer-aaaaaa-agent

    # seal
    container exec --interactive --user=0:0 bottle-reviewer-aaaaaa-agent /.bottle/guest provision
    container exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest tar-in /workspace tell
    container exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest probe

    # run
    container exec --interactive --tty bottle-reviewer-aaaaaa-agent /.bottle/guest exec review '--all files' 'Look at it.'
    "#);
    // The words are those of a Mac; a resolver that is named is in them.
    let world = world.var("BOTTLE_MACOS_CONTAINER_DNS", "192.0.2.54");
    let plan = world
        .bottle(&["plan", "--backend", "macos-container", "--json"])
        .ends_with(0)
        .json();
    let steps = plan["steps"].as_array().unwrap();
    let commands: Vec<&str> = steps
        .iter()
        .map(|step| step["command"].as_str().unwrap())
        .collect();
    assert!(
        commands
            .iter()
            .all(|command| command.starts_with("container ")),
        "{commands:?}"
    );
    assert!(
        commands
            .iter()
            .any(|command| command.contains(" --dns=192.0.2.54 ")),
        "{commands:?}"
    );
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[test]
fn a_plan_for_podman_without_podman() {
    let ran = world()
        .bottle(&["plan", "--backend", "podman"])
        .ends_with(0);
    assert_eq!(ran.err(), "");
    insta::assert_snapshot!(ran.out(), @r#"
    # reviewer on podman (named by `--backend`)
    # note: podman does not answer here; this plan is for its version 4.3
    # note: the image is not here yet, so its own user and command are not known to this plan
    # note: images that are not here yet are fetched or built first, under a tag of their content's digest
    # note: the agent runs as user [user] (the image's own user is root), without any capability
    # note: the root file system is read-only, so the system's trust store is left as it is; the CA variables are set
    # needs trust: shows the agent this host's variable `API_BASE`, as `API_BASE` (/ROOT/work/agent.toml:14:1)
    # needs trust: reaches `api.example.com` on port 443, with the credential in this host's variable `EXAMPLE_TOKEN` (/ROOT/work/agent.toml:21:1)
    # image: debian:bookworm-slim
    # command: ["review", "--all files", "Look at it."]
    # starts in: /workspace
    # workspace: /ROOT/work (Copy)
    # variables: API_BASE, LOG_LEVEL
    # files: /ROOT/work/agent.toml
    # reaches api.example.com:443 (/ROOT/work/agent.toml:21:1)
    # scanned for secrets: on-match = block, unscannable = deny, a canary in /.bottle/run/credentials
    # the id `…-aaaaaa` stands for one that is drawn at the launch

    # network
    podman network create --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=internal --label=dev.bottle.version=[version] --internal --disable-dns '--subnet=<free>' bottle-reviewer-aaaaaa-internal
    podman network create --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=egress --label=dev.bottle.version=[version] '--subnet=<free>' bottle-reviewer-aaaaaa-egress
    podman create --pull=never --cap-drop=ALL --security-opt=no-new-privileges --no-healthcheck --log-driver=k8s-file --log-opt=max-size=16mb --name=bottle-reviewer-aaaaaa-sidecar --hostname=sidecar --user=[self] --entrypoint=/bottle-sidecar --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=sidecar --label=dev.bottle.version=[version] --sysctl=net.ipv4.ip_forward=0 --sysctl=net.ipv6.conf.all.forwarding=0 --network=bottle-reviewer-aaaaaa-egress --network=bottle-reviewer-aaaaaa-internal --read-only --tmpfs=/run:rw,exec,mode=1777 --pids-limit=128 --memory=536870912 --memory-swap=536870912 --volume=/ROOT/state/bottle/reviewer-aaaaaa/audit:/audit:rw,Z 'localhost/bottle/sidecar:<digest>' serve
    podman create --pull=never --cap-drop=ALL --security-opt=no-new-privileges --no-healthcheck --log-driver=k8s-file --log-opt=max-size=16mb --name=bottle-reviewer-aaaaaa-agent --hostname=reviewer-aaaaaa --user=[user] --entrypoint=/.bottle/guest --label=dev.bottle.id=reviewer-aaaaaa --label=dev.bottle.manifest=[digest] --label=dev.bottle.owner=[owner] --label=dev.bottle.role=agent --label=dev.bottle.version=[version] --network=bottle-reviewer-aaaaaa-internal --dns=127.0.0.1 --read-only --tmpfs=/tmp:rw,exec,mode=1777 --tmpfs=/run:rw,exec,mode=1777 --tmpfs=/home/agent:rw,exec,mode=1777 --tmpfs=/.bottle/run:rw,exec,mode=755 --tmpfs=/workspace:rw,exec,mode=1777 --pids-limit=200 --memory=1073741824 --memory-swap=1073741824 --cpus=1.5 'localhost/bottle/agent:<digest>' init

    # sidecar
    podman start bottle-reviewer-aaaaaa-sidecar
    podman exec --interactive bottle-reviewer-aaaaaa-sidecar /bottle-sidecar ctl
    podman start bottle-reviewer-aaaaaa-agent

    # seal
    podman exec --interactive --user=0:0 bottle-reviewer-aaaaaa-agent /.bottle/guest provision
    podman exec --privileged --user=0:0 bottle-reviewer-aaaaaa-agent /.bottle/guest wall '<sidecar>'
    podman exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest tar-in /workspace tell
    podman exec --interactive bottle-reviewer-aaaaaa-agent /.bottle/guest probe

    # run
    podman exec --interactive --tty bottle-reviewer-aaaaaa-agent /.bottle/guest exec review '--all files' 'Look at it.'
    "#);
}

#[test]
fn a_dry_run_is_the_plan() {
    for backend in ["docker", "podman"] {
        let plan = world().bottle(&["plan", "--backend", backend]).ends_with(0);
        let dry = world()
            .bottle(&["run", "--dry-run", "--backend", backend])
            .ends_with(0);
        assert_eq!(plan.out(), dry.out());
    }
}

#[test]
fn a_plan_as_json_has_steps_and_grants() {
    let plan = world()
        .bottle(&["plan", "--json", "--backend", "docker"])
        .ends_with(0)
        .json();
    assert_eq!(plan["backend"], "docker");
    assert_eq!(plan["manifest"]["name"], "reviewer");
    let commands: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["command"].as_str().unwrap())
        .collect();
    assert!(commands[0].starts_with("docker network create "));
    assert!(
        commands
            .last()
            .unwrap()
            .ends_with("review '--all files' 'Look at it.'")
    );
    assert_eq!(plan["grants"].as_array().unwrap().len(), 2, "{plan}");
}

#[test]
fn a_plan_shows_no_value_that_is_not_in_the_manifest() {
    for args in [&["plan"][..], &["plan", "--json"], &["run", "--dry-run"]] {
        let world = world();
        let ran = world
            .bottle(&[args, &["--backend", "docker"]].concat())
            .ends_with(0);
        let printed = ran.raw_out + &ran.raw_err;
        for value in ["token-value", "base-value"] {
            assert!(!printed.contains(value), "{printed}");
        }
        assert!(printed.contains("EXAMPLE_TOKEN") && printed.contains("API_BASE"));
        assert_eq!(world.names("state"), [""; 0]);
    }
}

#[test]
fn the_command_line_wins_over_the_manifest() {
    let args = [
        "plan",
        "--backend",
        "docker",
        "--name",
        "other",
        "--",
        "sh",
        "-c",
        "exit 3",
    ];
    let ran = world().bottle(&args).ends_with(0);
    let last = ran.raw_out.lines().last().unwrap();
    assert_eq!(
        last,
        "docker exec --interactive --tty bottle-other-aaaaaa-agent /.bottle/guest exec sh -c 'exit 3'"
    );
    let args = ["plan", "--json", "--backend", "docker"];
    let args = [&args[..], &["--image", "alpine:3", "--env", "NEW=1"]].concat();
    let plan = world().bottle(&args).ends_with(0).json();
    assert_eq!(plan["manifest"]["image"]["reference"], "alpine:3");
    assert_eq!(plan["manifest"]["env"]["NEW"]["literal"], "1");
}

#[test]
fn a_variable_of_bottles_own_cannot_be_set() {
    let args = [
        "plan",
        "--backend",
        "docker",
        "--env",
        "HTTPS_PROXY=http://elsewhere.test",
    ];
    let ran = world().bottle(&args).ends_with(1);
    assert!(ran.err().contains("HTTPS_PROXY"), "{ran:?}");
}

#[test]
fn what_the_command_line_says_is_as_strict_as_a_manifest() {
    let plan = |args: &[&str]| world().bottle(&[&["plan", "--backend", "docker"], args].concat());
    plan(&["--image", "debian:12", "--env", "A_B=1"]).ends_with(0);
    for (args, what) in [
        (["--image", ""], "the image ``"),
        (["--image", "a b"], "the image `a b`"),
        (
            ["--image=--privileged", "--env=A=1"],
            "the image `--privileged`",
        ),
        (["--env", "A B=1"], "the variable `A B`"),
        (["--env", "=1"], "the variable ``"),
        (["--env", "BOTTLE_ID=x"], "the variable `BOTTLE_ID`"),
    ] {
        let ran = plan(&args).ends_with(1);
        assert!(ran.err().starts_with(&format!("error: {what}")), "{ran:?}");
        assert_eq!(ran.out(), "");
    }
}

#[test]
fn an_engine_is_asked_who_it_is_and_nothing_is_made() {
    let world = world().engine("docker", Fake::Answers);
    let ran = world.bottle(&["plan"]).ends_with(0);
    assert!(ran.out().starts_with("# reviewer on docker ("), "{ran:?}");
    assert!(!ran.out().contains("does not answer"), "{ran:?}");
    assert!(!world.calls().is_empty());
    for call in world.calls() {
        assert!(
            call.starts_with("docker info ") || call.starts_with("docker image inspect "),
            "{call}"
        );
    }
}

#[test]
fn without_any_engine_a_plan_needs_a_name() {
    let ran = world().bottle(&["plan"]).ends_with(1);
    assert_eq!(ran.out(), "");
    assert!(ran.err().contains("no backend can be used here"), "{ran:?}");
}

#[test]
fn every_example_is_planned_for_every_backend() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bottles");
    let mut planned = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        for backend in ["docker", "podman", "native"] {
            let world = World::new();
            let path = path.to_str().unwrap();
            let args = ["plan", path, "--ignore-image", "--backend", backend];
            let ran = world.bottle(&args);
            let limits = fs::read_to_string(path).unwrap().contains("[resources]");
            // Whether this user may make control groups is the machine's matter.
            if backend == "native" && limits && ran.status == 1 {
                assert!(ran.err().contains("cannot be enforced"), "{ran:?}");
                continue;
            }
            let ran = ran.ends_with(0);
            assert_eq!(ran.err(), "", "{path}");
            planned += 1;
        }
    }
    assert!(planned >= 8, "{planned}");
}
