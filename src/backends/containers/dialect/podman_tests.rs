//! podman's dialect against what podman 4.3 printed.

use super::*;
use crate::backends::containers::request::{NetworkKind, NetworkSpec, Subnet};

const INFO: &[u8] = include_bytes!("captured/podman-4.3/info.json");
const CREATED: &[u8] = include_bytes!("captured/podman-4.3/container-created.json");
const RUNNING: &[u8] = include_bytes!("captured/podman-4.3/container-running.json");
const NETWORKS: &[u8] = include_bytes!("captured/podman-4.3/networks.json");
const IMAGE: &[u8] = include_bytes!("captured/podman-4.3/image.json");

fn linux() -> Facts {
    "linux x86_64".parse().unwrap()
}

#[test]
fn the_engine_is_read() {
    let info = Podman.parse_info(INFO).unwrap();
    assert_eq!(
        (
            info.version.as_str(),
            info.numbers,
            info.rootless,
            info.limits
        ),
        ("4.3.1", (4, 3), false, true)
    );
    assert_eq!(
        Podman.capabilities(&info, &linux()).isolation,
        Isolation::NoResolver
    );
}

#[test]
fn limits_without_root_need_the_second_cgroup_version() {
    let info = |version: &str| {
        let json = format!(
            r#"{{"version":{{"Version":"5.0.0"}},"host":{{"security":{{"rootless":true}},"cgroupVersion":"{version}"}}}}"#
        );
        Podman.parse_info(json.as_bytes()).unwrap()
    };
    assert!(info("v2").limits);
    assert!(!info("v1").limits);
}

#[test]
fn a_container_is_read_before_and_after_its_start() {
    let [created] = &Podman.parse_containers(CREATED).unwrap()[..] else {
        panic!("one container")
    };
    assert_eq!((created.running, created.exit_code), (false, None));
    let [running] = &Podman.parse_containers(RUNNING).unwrap()[..] else {
        panic!("one container")
    };
    assert_eq!(running.name, "bottle-demo-abcdef-sidecar");
    assert!(
        running.networks["bottle-demo-abcdef-internal"]
            .address
            .is_some()
    );
    // podman writes `<nil>` where an internal network has no gateway.
    assert_eq!(
        running.networks["bottle-demo-abcdef-internal"].gateway,
        None
    );
}

#[test]
fn an_internal_network_without_resolver_has_no_gateway() {
    let networks = Podman.parse_networks(NETWORKS).unwrap();
    assert!(networks[0].internal && !networks[1].internal);
    assert_eq!(
        (networks[0].bridge.as_deref(), networks[0].gateways.len()),
        (Some("podman1"), 0)
    );
    assert_eq!(networks[1].gateways.len(), 1);
}

#[test]
fn an_image_is_read() {
    assert_eq!(Podman.parse_image(IMAGE).unwrap().command, ["/bin/sh"]);
}

#[test]
fn errors_are_classified_by_podmans_own_words() {
    for (words, expected) in [
        (
            "Error: inspecting object: no such container nope",
            ErrorKind::Absent,
        ),
        (
            "Error: unable to find network with name or ID nope: network not found",
            ErrorKind::Absent,
        ),
        (
            "Error: inspecting object: nope: image not known",
            ErrorKind::Absent,
        ),
        (
            "Error: creating container storage: the container name \"x\" is already in use",
            ErrorKind::Conflict,
        ),
        (
            "Error: short-name resolution enforced but cannot prompt without a TTY",
            ErrorKind::NoImage,
        ),
        (
            "Error: subnet 10.83.0.0/29 is already used on the host or by another config",
            ErrorKind::Overlap,
        ),
        (
            "Error: route ip+net: no such network interface",
            ErrorKind::Raced,
        ),
        ("Error: something else", ErrorKind::Other),
    ] {
        assert_eq!(Podman.classify(1, words), expected, "{words}");
    }
}

#[test]
fn argv_differs_from_dockers_only_where_podman_does() {
    let spec = NetworkSpec {
        name: "n".to_owned(),
        labels: BTreeMap::new(),
        kind: NetworkKind::Internal(Isolation::NoResolver),
        subnet: Some(Subnet::Free),
    };
    for (request, expected) in [
        (Request::Info, "info --format=json"),
        (
            Request::CreateNetwork(spec),
            "network create --internal --disable-dns --subnet=<free> n",
        ),
        (
            Request::RemoveContainer("c".to_owned()),
            "rm --force --volumes --time=0 c",
        ),
    ] {
        let words: Vec<String> = Podman
            .argv(&request)
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        assert_eq!(words.join(" "), expected);
    }
}
