//! docker's dialect against what docker 26.1 printed.

use super::*;
use crate::backends::containers::request::{LogsUntil, NetworkKind, NetworkSpec, Subnet};

const INFO: &[u8] = include_bytes!("captured/docker-26.1/info.json");
const CREATED: &[u8] = include_bytes!("captured/docker-26.1/container-created.json");
const RUNNING: &[u8] = include_bytes!("captured/docker-26.1/container-running.json");
const NETWORKS: &[u8] = include_bytes!("captured/docker-26.1/networks.json");
const IMAGE: &[u8] = include_bytes!("captured/docker-26.1/image.json");

fn line(request: &Request) -> String {
    let words: Vec<String> = Docker
        .argv(request)
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

fn linux() -> Facts {
    "linux x86_64".parse().unwrap()
}

#[test]
fn the_version_decides_how_the_bridge_is_kept_bare() {
    let info = Docker.parse_info(INFO).unwrap();
    assert_eq!(
        (info.version.as_str(), info.numbers, info.rootless),
        ("26.1.5+dfsg1", (26, 1), false)
    );
    assert_eq!(
        Docker.capabilities(&info, &linux()).isolation,
        Isolation::InhibitedAddress
    );
    let newer = EngineInfo {
        numbers: (28, 0),
        ..info
    };
    assert_eq!(
        Docker.capabilities(&newer, &linux()).isolation,
        Isolation::IsolatedGateway
    );
}

#[test]
fn a_rootless_engine_is_recognised() {
    let info = Docker
        .parse_info(br#"{"ServerVersion":"27.0.1","SecurityOptions":["name=rootless"]}"#)
        .unwrap();
    assert!(info.rootless);
    assert_eq!(
        Docker.capabilities(&info, &linux()).mount_owner,
        MountOwner::RootIsUser
    );
}

#[test]
fn a_container_is_read_before_and_after_its_start() {
    let [created] = &Docker.parse_containers(CREATED).unwrap()[..] else {
        panic!("one container")
    };
    assert_eq!(created.name, "bottle-demo-abcdef-sidecar");
    assert_eq!((created.running, created.exit_code), (false, None));
    assert_eq!(
        created.networks["bottle-demo-abcdef-internal"].address,
        None
    );
    let [running] = &Docker.parse_containers(RUNNING).unwrap()[..] else {
        panic!("one container")
    };
    assert!(running.running);
    assert_eq!(running.labels["dev.bottle.role"], "sidecar");
    assert!(
        running.networks["bottle-demo-abcdef-internal"]
            .address
            .is_some()
    );
}

#[test]
fn networks_are_read_with_their_gateways_and_bridges() {
    let networks = Docker.parse_networks(NETWORKS).unwrap();
    assert_eq!(networks.len(), 2);
    assert!(networks[0].internal && !networks[1].internal);
    assert_eq!(networks[0].bridge.as_deref(), Some("br-e361023cce7f"));
    assert_eq!(
        networks[0].gateways,
        ["172.21.0.1".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(networks[1].labels["dev.bottle.role"], "egress");
}

#[test]
fn an_image_is_read() {
    let image = Docker.parse_image(IMAGE).unwrap();
    assert!(image.id.starts_with("sha256:"), "{}", image.id);
    assert_eq!(
        (image.user.as_str(), image.command),
        ("", vec!["/bin/sh".to_owned()])
    );
}

#[test]
fn what_is_not_json_is_an_error_that_names_the_question() {
    let error = Docker
        .parse_containers(b"[{\"Name\":")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the answer to `container inspect` could not be read"),
        "{error}"
    );
    assert!(Docker.parse_info(b"").is_err());
}

#[test]
fn errors_are_classified_by_dockers_own_words() {
    for (words, expected) in [
        (
            "Error response from daemon: No such container: x",
            ErrorKind::Absent,
        ),
        (
            "Error response from daemon: network x not found",
            ErrorKind::Absent,
        ),
        (
            "Error response from daemon: No such image: x:latest",
            ErrorKind::Absent,
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            ErrorKind::NotRunning,
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket",
            ErrorKind::NoPermission,
        ),
        (
            "Conflict. The container name \"/x\" is already in use by container",
            ErrorKind::Conflict,
        ),
        ("network with name x already exists", ErrorKind::Conflict),
        (
            "Error response from daemon: all predefined address pools have been fully subnetted",
            ErrorKind::NoAddresses,
        ),
        (
            "Error response from daemon: Pool overlaps with other one on this address space",
            ErrorKind::Overlap,
        ),
        (
            "pull access denied for x, repository does not exist",
            ErrorKind::NoImage,
        ),
        ("write /x: no space left on device", ErrorKind::NoSpace),
        ("something else", ErrorKind::Other),
    ] {
        assert_eq!(Docker.classify(1, words), expected, "{words}");
    }
}

#[test]
fn argv_is_written_as_docker_takes_it() {
    let network = |isolation| {
        Request::CreateNetwork(NetworkSpec {
            name: "n".to_owned(),
            labels: BTreeMap::from([("dev.bottle.id", "demo-abcdef".to_owned())]),
            kind: NetworkKind::Internal(isolation),
            subnet: None,
        })
    };
    for (request, expected) in [
        (Request::Info, "info --format={{json .}}"),
        (
            network(Isolation::InhibitedAddress),
            "network create --label=dev.bottle.id=demo-abcdef --internal --opt=com.docker.network.bridge.inhibit_ipv4=true n",
        ),
        (
            network(Isolation::IsolatedGateway),
            "network create --label=dev.bottle.id=demo-abcdef --internal --opt=com.docker.network.bridge.gateway_mode_ipv4=isolated --opt=com.docker.network.bridge.gateway_mode_ipv6=isolated n",
        ),
        (
            Request::CreateNetwork(NetworkSpec {
                name: "n".to_owned(),
                labels: BTreeMap::new(),
                kind: NetworkKind::Egress,
                subnet: Some(Subnet::At("10.83.0.8/29".parse().unwrap())),
            }),
            "network create --subnet=10.83.0.8/29 n",
        ),
        (
            Request::RemoveContainer("c".to_owned()),
            "rm --force --volumes c",
        ),
        (
            Request::Stop {
                container: "c".to_owned(),
                seconds: 5,
            },
            "stop -t 5 c",
        ),
        (
            Request::Logs {
                container: "c".to_owned(),
                until: LogsUntil::End,
            },
            "logs --follow c",
        ),
        (
            Request::ListContainers { label: "l" },
            "ps --all --quiet --no-trunc --filter=label=l",
        ),
    ] {
        assert_eq!(line(&request), expected);
    }
}
