//! What is said to Apple's `container`, and how its answers are read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use apple_stand_in::argv::{Outcome, Parsed, parse};
use apple_stand_in::version::Version;

use super::*;
use crate::backends::containers::request::{BuildNetwork, Owner, SpecLimits};

/// The versions whose grammar is known.
const VERSIONS: [Version; 4] = [
    Version::V1_0_0,
    Version::V1_1_0,
    Version::V1_2_2,
    Version::V1_5_0,
];

fn labels() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("dev.bottle.id", "demo-abcdef".to_owned()),
        ("dev.bottle.role", "agent".to_owned()),
    ])
}

fn container() -> ContainerSpec {
    ContainerSpec {
        name: "bottle-demo-abcdef-sidecar".to_owned(),
        hostname: "sidecar".to_owned(),
        image: "localhost/bottle/sidecar:0123".to_owned(),
        labels: labels(),
        networks: vec![
            "bottle-demo-abcdef-egress".to_owned(),
            "bottle-demo-abcdef-internal".to_owned(),
        ],
        user: "501:20".to_owned(),
        entrypoint: "/bottle-sidecar".to_owned(),
        args: vec!["serve".to_owned(), "--not-ours".to_owned()],
        sysctls: BTreeMap::new(),
        resolver: Resolver::At("192.0.2.53".to_owned()),
        root: RootFs::ReadOnly {
            scratch: vec![Scratch {
                folder: "/run".to_owned(),
                mode: 0o1777,
            }],
        },
        mounts: vec![Mount {
            source: PathBuf::from("/Users/me/Library/Application Support/bottle/a/audit"),
            target: "/audit".to_owned(),
            access: Access::Write,
            owner: Owner::Bottle,
        }],
        limits: SpecLimits {
            pids: None,
            memory: Some(256 << 20),
            cpus: Some(2.0),
        },
    }
}

fn exec_with(streams: Streams, user: Option<&str>) -> Request {
    Request::Exec(ExecSpec {
        container: "bottle-demo-abcdef-agent".to_owned(),
        user: user.map(str::to_owned),
        streams,
        argv: ["/.bottle/guest", "exec", "claude", "-p", "--", "a prompt"]
            .map(str::to_owned)
            .to_vec(),
    })
}

/// A container that has little of what one can have.
fn plain_container() -> ContainerSpec {
    let mut plain = container();
    plain.resolver = Resolver::Nobody;
    plain.root = RootFs::Writable;
    plain.networks.truncate(1);
    plain.mounts[0].access = Access::Read;
    plain.limits = SpecLimits {
        pids: None,
        memory: None,
        cpus: None,
    };
    plain
}

fn about_images() -> Vec<Request> {
    let image = || "debian:bookworm-slim".to_owned();
    let save = |platform: Option<&str>| Request::SaveImage {
        image: image(),
        to: PathBuf::from("/tmp/bottle-image/image.tar"),
        platform: platform.map(str::to_owned),
    };
    let start = |resolver: Option<&str>| Request::StartBuilder {
        resolver: resolver.map(str::to_owned),
    };
    vec![
        Request::InspectImage(image()),
        Request::PullImage(image()),
        save(Some("linux/arm64")),
        save(None),
        Request::BuildImage(BuildSpec {
            tag: "localhost/bottle/base:0123".to_owned(),
            // Apple's CLI looks for both before it accepts the words.
            file: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
            context: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
            args: BTreeMap::from([("VERSION".to_owned(), "1=2".to_owned())]),
            labels: labels(),
            network: BuildNetwork::Engines,
        }),
        Request::InspectBuilder,
        start(None),
        start(Some("192.0.2.53")),
        Request::StopBuilder,
    ]
}

fn about_networks() -> Vec<Request> {
    let network = |kind| {
        Request::CreateNetwork(NetworkSpec {
            name: "bottle-demo-abcdef-internal".to_owned(),
            labels: labels(),
            kind,
            subnet: None,
        })
    };
    let label = "dev.bottle.id";
    vec![
        network(NetworkKind::Internal(Isolation::HostGateway)),
        network(NetworkKind::Egress),
        Request::InspectNetworks(vec!["a-network".to_owned(), "b-network".to_owned()]),
        Request::ListNetworks { label },
        Request::RemoveNetwork("a-network".to_owned()),
    ]
}

fn about_containers() -> Vec<Request> {
    let name = || "bottle-demo-abcdef-agent".to_owned();
    let logs = |until| Request::Logs {
        container: name(),
        until,
    };
    let label = "dev.bottle.id";
    vec![
        Request::CreateContainer(Box::new(container())),
        Request::CreateContainer(Box::new(plain_container())),
        Request::Start(name()),
        Request::InspectContainers(vec![name(), "other".to_owned()]),
        Request::ListContainers { label },
        exec_with(Streams::Output, None),
        exec_with(Streams::InputOutput, Some("0:0")),
        exec_with(Streams::Terminal, None),
        logs(LogsUntil::Now),
        logs(LogsUntil::End),
        Request::Stop {
            container: name(),
            seconds: 5,
        },
        Request::RemoveContainer(name()),
    ]
}

/// One of every request, and of every shape that changes the words.
fn requests() -> Vec<Request> {
    let mut requests = vec![Request::Info, Request::StartEngine];
    requests.extend(about_images());
    requests.extend(about_networks());
    requests.extend(about_containers());
    requests
}

fn said(request: &Request) -> Vec<String> {
    Apple
        .argv(request)
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect()
}

fn accepted(version: Version, words: &[String]) -> Parsed {
    match parse(version, words) {
        Outcome::Accepted(parsed) => parsed,
        other => panic!("{version:?} on {words:?}: {other:?}"),
    }
}

#[test]
fn every_version_accepts_every_call() {
    for version in VERSIONS {
        for request in requests() {
            accepted(version, &said(&request));
        }
        // It has a meaning of its own to the parser.
        let version_call = parse(version, &said(&Request::Version));
        assert!(matches!(version_call, Outcome::Help { .. }));
    }
}

#[test]
fn what_is_said_is_what_is_understood() {
    let words = said(&Request::CreateContainer(Box::new(container())));
    let parsed = accepted(Version::V1_2_2, &words);
    assert_eq!(parsed.command, "create");
    assert_eq!(
        parsed.values("network"),
        ["bottle-demo-abcdef-egress", "bottle-demo-abcdef-internal"]
    );
    assert_eq!(parsed.values("dns"), ["192.0.2.53"]);
    assert_eq!(parsed.values("cap-drop"), ["ALL"]);
    assert_eq!(
        (parsed.value("cpus"), parsed.value("memory")),
        (Some("2"), Some("256m"))
    );
    assert_eq!(
        parsed.values("mount"),
        [
            "type=tmpfs,target=/run,mode=1777",
            "type=bind,source=/Users/me/Library/Application Support/bottle/a/audit,target=/audit",
        ]
    );
    assert!(parsed.flag("read-only") && !parsed.flag("no-dns"));
    assert_eq!(parsed.word("image"), Some("localhost/bottle/sidecar:0123"));
    assert_eq!(parsed.words("arguments"), ["serve", "--not-ours"]);

    let words = said(&exec_with(Streams::Terminal, Some("0:0")));
    let parsed = accepted(Version::V1_2_2, &words);
    assert!(parsed.flag("interactive") && parsed.flag("tty"));
    assert_eq!(parsed.value("user"), Some("0:0"));
    assert_eq!(
        parsed.words("arguments"),
        ["/.bottle/guest", "exec", "claude", "-p", "--", "a prompt"]
    );
}

/// The grammar is only worth something when it refuses.
#[test]
fn a_call_with_an_unknown_option_is_refused() {
    for request in requests() {
        for version in VERSIONS {
            let mut words = said(&request);
            let command = accepted(version, &words).command;
            words.insert(command.split(' ').count(), "--no-such-option".to_owned());
            let refused = parse(version, &words);
            assert!(
                matches!(refused, Outcome::Refused { exit: 1 | 64, .. }),
                "{version:?} took {words:?}: {refused:?}"
            );
        }
    }
}

#[test]
fn the_command_of_an_agent_is_never_mistaken_for_options() {
    for version in VERSIONS {
        for streams in [Streams::Output, Streams::InputOutput, Streams::Terminal] {
            let parsed = accepted(version, &said(&exec_with(streams, None)));
            assert_eq!(parsed.words("arguments")[0], "/.bottle/guest");
            // Behind the container a `--` would be the program.
            let words = said(&exec_with(streams, None));
            let at = words
                .iter()
                .position(|word| word == "bottle-demo-abcdef-agent");
            assert_ne!(words[at.unwrap() + 1], "--");
        }
    }
}

#[test]
fn labels_and_names_keep_to_the_services_rules() {
    for request in requests() {
        for word in said(&request) {
            if let Some(label) = word.strip_prefix("--label=") {
                let (key, value) = label.split_once('=').unwrap();
                let plain =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
                assert!(key.chars().all(plain) && !value.contains('='), "{label}");
            }
            assert!(
                !word.ends_with('='),
                "an empty value is a word of its own: {word}"
            );
        }
    }
}

#[test]
fn status_64_is_our_defect_and_the_rest_goes_by_the_words() {
    for (status, words, expected) in [
        (64, "Error: Unknown option '--x'", ErrorKind::BadCall),
        (
            1,
            "Error: internalError: \"failed to list containers\" (cause: \"interrupted: \"XPC connection error: Connection invalid\"\")\nEnsure container system service has been started with `container system start`.",
            ErrorKind::NotRunning,
        ),
        (1, "Error: container not found: bottle-a", ErrorKind::Absent),
        (
            1,
            "Error: get failed: container bottle-a not found",
            ErrorKind::Absent,
        ),
        (1, "Error: network bottle-a not found", ErrorKind::Absent),
        (
            1,
            "Error: internalError: \"failed to delete container\" (cause: \"notFound: \"container with ID a not found\"\")",
            ErrorKind::Absent,
        ),
        (1, "Error: container already exists: a", ErrorKind::Conflict),
        (1, "Error: network a already exists", ErrorKind::Conflict),
        (
            1,
            "Error: IPv4 subnet 192.168.64.0/24 overlaps an existing network with subnet 192.168.64.0/24",
            ErrorKind::Overlap,
        ),
        (
            1,
            "Error: delete failed for one or more networks: [\"a\"]",
            ErrorKind::Other,
        ),
    ] {
        assert_eq!(Apple.classify(status, words), expected, "{words}");
    }
}

#[test]
fn a_mac_that_does_not_fit_is_told_why_and_what_to_do() {
    let unfit = |facts: &str| Apple.unfit(&facts.parse().unwrap());
    for fits in ["macos 26.0 arm64", "macos 27.2 arm64"] {
        assert_eq!(unfit(fits), None, "{fits}");
    }
    for (facts, what) in [
        ("macos 15.6 arm64", "macOS 15.6 is too old"),
        ("macos 26.1 x86_64", "Intel"),
        ("linux arm64", "this is Linux"),
    ] {
        let problem = unfit(facts).unwrap();
        assert!(problem.what.contains(what), "{problem:?}");
        assert!(!problem.mend.is_empty());
    }
    assert_eq!(Apple.home(&"macos 15.6 arm64".parse().unwrap()), Home::Here);
    assert_eq!(Apple.home(&"linux arm64".parse().unwrap()), Home::Elsewhere);
}

#[test]
fn both_ages_of_the_status_are_read() {
    for running in [
        r#"{"apiServerVersion":"container-apiserver version 1.1.0 (build: release, commit: 5973b9c)","appRoot":"\/Users\/me\/","status":"running"}"#,
        r#"{"client":{"version":"1.5.0"},"paths":{"appRoot":"/Users/me/"},"server":{"version":"1.5.0"},"status":"running"}"#,
    ] {
        assert_eq!(Apple.why_down(running.as_bytes()), None);
        assert!(Apple.parse_info(running.as_bytes()).is_ok());
    }
    for down in [
        r#"{"apiServerVersion":"","appRoot":"","status":"unregistered"}"#,
        r#"{"status":"not running"}"#,
    ] {
        let why = Apple.why_down(down.as_bytes()).unwrap();
        assert!(why.contains("is not running"), "{why}");
    }
}

/// Made for this test in the shape of 1.0 to 1.3 (escaped slashes) and of later ones, with the
/// builder beside it, keys that nobody knows, and optionals left out.
#[test]
fn containers_of_every_age_are_read() {
    let escaped = r#"[{"configuration":{"id":"buildkit","labels":{"com.apple.container.plugin":"builder"},"networks":[{"network":"default","options":{"hostname":"buildkit"}}]},"id":"buildkit","status":{"networks":[],"state":"stopped"}},{"status":{"state":"running","startedDate":"2026-08-07T17:08:52Z","networks":[{"network":"e","ipv4Address":"192.168.66.2\/24","ipv4Gateway":"192.168.66.1"},{"network":"i","hostname":"a","ipv4Address":"192.168.67.9\/24","ipv4Gateway":"192.168.67.1","variant":"reserved","later":{}}]},"id":"a","configuration":{"creationDate":"2026-08-07T17:08:50Z","labels":{"dev.bottle.id":"demo-abcdef"},"networks":[{"network":"e"},{"network":"i"}],"mounts":[]},"unknown":1}]"#;
    for text in [escaped.to_owned(), escaped.replace("\\/", "/")] {
        let found = Apple.parse_containers(text.as_bytes()).unwrap();
        let [builder, ours] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(!builder.running && builder.networks["default"].address.is_none());
        assert!(ours.running);
        assert_eq!(ours.exit_code, None);
        assert_eq!(ours.created.as_deref(), Some("2026-08-07T17:08:50Z"));
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(ours.networks["i"].address, at("192.168.67.9"));
        assert_eq!(ours.networks["e"].gateway, at("192.168.66.1"));
    }
    assert!(matches!(
        Apple.parse_container_listing(escaped.as_bytes()).unwrap(),
        Listing::Records(records) if records.len() == 2
    ));
    assert!(Apple.parse_containers(b"[{\"id\":1}]").is_err());
}

#[test]
fn networks_are_read_by_their_mode() {
    let text = r#"[{"configuration":{"creationDate":"2026-08-07T17:08:40Z","labels":{"dev.bottle.id":"a"},"mode":"hostOnly","name":"i","options":{},"plugin":"container-network-vmnet"},"id":"i","status":{"ipv4Gateway":"192.168.77.1","ipv4Subnet":"192.168.77.0\/24"}},{"configuration":{"mode":"nat","name":"default"},"id":"default"}]"#;
    let found = Apple.parse_networks(text.as_bytes()).unwrap();
    assert!(found[0].internal && !found[1].internal);
    assert_eq!(
        found[0].gateways,
        ["192.168.77.1".parse::<IpAddr>().unwrap()]
    );
    assert!(found[1].gateways.is_empty() && found[1].labels.is_empty());
}

#[test]
fn an_image_is_the_variant_that_a_mac_runs() {
    let variant = |os: &str, architecture: &str, user: &str| {
        format!(
            r#"{{"platform":{{"os":"{os}","architecture":"{architecture}"}},"digest":"sha256:{architecture}","size":1,"config":{{"architecture":"{architecture}","os":"{os}","config":{{"User":"{user}","Entrypoint":["/e"],"Cmd":["c"]}},"rootfs":{{"type":"layers","diff_ids":[]}}}}}}"#
        )
    };
    let image = |variants: &[String]| {
        let text = format!(
            r#"[{{"id":"0123","configuration":{{"name":"x","creationDate":"1970-01-01T00:00:00Z"}},"variants":[{}]}}]"#,
            variants.join(",")
        );
        Apple.parse_image(text.as_bytes()).unwrap()
    };
    let several = image(&[
        variant("unknown", "unknown", ""),
        variant("linux", "amd64", "root"),
        variant("linux", "arm64", "node"),
    ]);
    assert_eq!(several.platform.as_deref(), Some("linux/arm64"));
    assert_eq!(
        (several.id.as_str(), several.user.as_str()),
        ("sha256:arm64", "node")
    );
    assert_eq!(
        (several.entrypoint, several.command),
        (vec!["/e".to_owned()], vec!["c".to_owned()])
    );
    let other = image(&[variant("linux", "amd64", "")]);
    assert_eq!(other.platform.as_deref(), Some("linux/amd64"));
    let none = image(&[]);
    assert_eq!((none.id.as_str(), none.platform), ("0123", None));
}

#[test]
fn the_builder_runs_or_does_not() {
    let of = |state: &str| {
        format!(
            r#"[{{"id":"buildkit","configuration":{{}},"status":{{"state":"{state}","networks":[]}}}}]"#
        )
    };
    for (text, expected) in [
        ("[]".to_owned(), BuilderState::Stopped),
        (of("stopped"), BuilderState::Stopped),
        (of("running"), BuilderState::Running),
    ] {
        assert_eq!(Apple.parse_builder(text.as_bytes()).unwrap(), expected);
    }
}
