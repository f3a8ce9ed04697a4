//! Section 9: the command lines that are recommended for a backend fit every version.

use crate::harness::check_all;

#[test]
fn every_recommended_line_is_accepted() {
    for line in [
        "system version --format=json",
        "system status --format=json",
        "network create --internal --label=dev.bottle.id=ab12 bottle-ab12",
        "network create --label=dev.bottle.id=ab12 bottle-ab12-egress",
        "network list --format=json",
        "network inspect bottle-ab12",
        "network delete bottle-ab12",
        "volume create --label=dev.bottle.id=ab12 -s 20G bottle-cache",
        "image inspect bottle-agent:1",
        "image pull --progress=none --platform=linux/arm64 docker.io/library/alpine:3.22",
        "build --progress=plain --file=/ctx/Dockerfile --tag=bottle-agent:1 \
         --label=dev.bottle.kind=agent --build-arg=K=V /ctx",
        "run --detach --progress=none --name=bottle-ab12-proxy --network=bottle-ab12-egress \
         --network=bottle-ab12 --label=dev.bottle.id=ab12 --cpus=1 --memory=256m --init \
         --read-only --tmpfs=/tmp --cap-drop=ALL bottle-proxy:1 ARG",
        "create --detach --name=bottle-ab12-agent bottle-agent:1",
        "start bottle-ab12-agent",
        "run --interactive --tty --progress=none --name=a --network=bottle-ab12 --no-dns \
         --env=HTTPS_PROXY=http://192.168.77.2:3128 \
         --mount=type=bind,source=/abs/dir,target=/workspace --volume=/abs/file:/etc/x:ro \
         --workdir=/workspace --user=1000:1000 IMAGE CMD",
        "exec --interactive --tty --workdir=/workspace --env=K=V bottle-ab12-agent CMD",
        "logs -n 200 bottle-ab12-agent",
        "inspect bottle-ab12-agent",
        "list --all --format=json",
        "stats --no-stream --format=json bottle-ab12-agent",
        "stop --time=5 bottle-ab12-agent",
        "delete --force bottle-ab12-agent",
        "copy /abs/file bottle-ab12-agent:/abs/dest",
    ] {
        check_all(&[(line, "ok")]);
        // The same line with an option that nobody has.
        let (command, rest) = line.split_once(' ').unwrap();
        if command != "run" && command != "exec" {
            check_all(&[(&format!("{line} --no-such-option"), outcome_of(command))]);
        }
        check_all(&[(&format!("{command} --no-such-option {rest}"), "64")]);
    }
    check_all(&[("--version", "help")]);
}

/// Behind an image, everything is the process's own.
fn outcome_of(command: &str) -> &'static str {
    if command == "create" { "ok" } else { "64" }
}
