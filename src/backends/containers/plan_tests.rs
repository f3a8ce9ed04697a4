//! What a launch is planned as, and what is refused.

use std::path::PathBuf;

use bottle_contract::config::LogLevel;
use bottle_contract::labels::Labels;
use bottle_contract::policy::Policy;

use super::*;
use crate::backends::containers::capabilities::Isolation;
use crate::backends::request::{ImageSource, SidecarSettings, Workspace};

fn can() -> Capabilities {
    Capabilities {
        isolation: Isolation::InhibitedAddress,
        host_address: HostAddress::Omitted,
        mount_owner: MountOwner::SameId,
        ipv6: true,
        limits: true,
        memory: Some(8 << 30),
    }
}

fn request() -> LaunchRequest {
    LaunchRequest {
        labels: Labels {
            id: "demo-abcdef".parse().unwrap(),
            version: "0.1.0".to_owned(),
            owner: "1000.abc".to_owned(),
            manifest: "00ff".to_owned(),
        },
        image: ImageSource::Reference("base".to_owned()),
        user: UserChoice::Unprivileged {
            uid: 1000,
            gid: 1000,
        },
        root: RootAccess::Writable,
        limits: Limits {
            cpus: None,
            memory: None,
            pids: None,
        },
        workspace: None,
        workdir: "/workspace".to_owned(),
        command: Some(vec!["true".to_owned()]),
        prompt: None,
        env: BTreeMap::new(),
        sidecar: SidecarSettings {
            binary: PathBuf::from("/bottle-sidecar"),
            audit_dir: PathBuf::from("/state/demo-abcdef/audit"),
            policy: Policy::default(),
            secrets: BTreeMap::new(),
            extra_ca: Vec::new(),
            log: LogLevel::Decisions,
            owner: (501, 20),
        },
        host_access: None,
    }
}

fn images() -> Images {
    let base = ImageRecord {
        id: "sha256:0".to_owned(),
        user: String::new(),
        entrypoint: vec!["/entry".to_owned()],
        command: vec!["default".to_owned()],
        on_build: Vec::new(),
    };
    Images {
        sidecar: "sidecar:1".to_owned(),
        agent: "agent:1".to_owned(),
        base,
    }
}

fn plan(request: &LaunchRequest, can: &Capabilities) -> Result<LaunchPlan, String> {
    LaunchPlan::new(request, can, &images()).map_err(|error| error.to_string())
}

#[test]
fn the_agent_is_on_the_internal_network_only_and_the_sidecar_begins_on_egress() {
    let plan = plan(&request(), &can()).unwrap();
    assert_eq!(plan.agent.network, plan.internal.name);
    assert_eq!(plan.sidecar.network, plan.egress.name);
    assert_eq!(plan.agent.resolver.as_deref(), Some("127.0.0.1"));
    assert_eq!(plan.sidecar.sysctls["net.ipv4.ip_forward"], "0");
    assert_eq!(plan.agent.sysctls["net.ipv6.conf.all.disable_ipv6"], "1");
    assert!(matches!(plan.sidecar.root, RootFs::ReadOnly { .. }));
    assert_eq!(plan.sidecar.user, "501:20");
}

#[test]
fn every_resource_carries_the_labels() {
    let plan = plan(&request(), &can()).unwrap();
    for labels in [
        &plan.agent.labels,
        &plan.sidecar.labels,
        &plan.internal.labels,
        &plan.egress.labels,
    ] {
        assert_eq!(
            (
                labels["dev.bottle.id"].as_str(),
                labels["dev.bottle.owner"].as_str()
            ),
            ("demo-abcdef", "1000.abc")
        );
    }
}

#[test]
fn the_agent_is_never_root_unless_it_was_asked_for() {
    let unprivileged = UserChoice::Unprivileged {
        uid: 1000,
        gid: 1000,
    };
    for (choice, image_user, expected) in [
        (&unprivileged, "", "1000:1000"),
        (&unprivileged, "root", "1000:1000"),
        (&unprivileged, "0", "1000:1000"),
        (&unprivileged, "0:5", "1000:1000"),
        (&unprivileged, "00", "1000:1000"),
        (&unprivileged, "root:wheel", "1000:1000"),
        (&unprivileged, "node", "node"),
        (&unprivileged, "7:7", "7:7"),
        (&UserChoice::Root, "node", "0:0"),
        (&UserChoice::Numeric { uid: 5, gid: 6 }, "node", "5:6"),
    ] {
        assert_eq!(
            agent_user(choice, image_user).spec,
            expected,
            "{choice:?} {image_user}"
        );
    }
}

#[test]
fn the_command_is_the_manifests_or_the_images_own() {
    let own = LaunchRequest {
        command: None,
        ..request()
    };
    assert_eq!(plan(&own, &can()).unwrap().command, ["/entry", "default"]);
    assert_eq!(plan(&request(), &can()).unwrap().command, ["true"]);
    let mut images = images();
    images.base = ImageRecord {
        entrypoint: Vec::new(),
        command: Vec::new(),
        ..images.base
    };
    let error = LaunchPlan::new(&own, &can(), &images)
        .unwrap_err()
        .to_string();
    assert!(error.contains("nothing to run"), "{error}");
}

#[test]
fn a_control_that_cannot_be_enforced_is_a_refusal() {
    let mounted = |source: &str, sharing| LaunchRequest {
        workspace: Some(Workspace {
            source: PathBuf::from(source),
            sharing,
        }),
        ..request()
    };
    let rootless = Capabilities {
        mount_owner: MountOwner::RootIsUser,
        ..can()
    };
    let unlimited = Capabilities {
        limits: false,
        ..can()
    };
    let limited = LaunchRequest {
        limits: Limits {
            memory: Some(1 << 30),
            ..request().limits
        },
        ..request()
    };
    let counted = LaunchRequest {
        limits: Limits {
            pids: Some(64),
            ..request().limits
        },
        ..request()
    };
    for (request, can, word) in [
        (mounted("/src", Sharing::Mount), &rootless, "rootless"),
        (mounted("/a:b", Sharing::MountReadOnly), &can(), "`:`"),
        (limited.clone(), &unlimited, "cannot enforce limits"),
        (counted.clone(), &unlimited, "cannot enforce limits"),
    ] {
        let error = plan(&request, can).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
    // The same where it can be enforced.
    assert_eq!(
        plan(&mounted("/src", Sharing::Mount), &can())
            .unwrap()
            .agent
            .mounts
            .len(),
        1
    );
    assert_eq!(
        plan(&limited, &can()).unwrap().agent.limits.memory,
        Some(1 << 30)
    );
    assert!(
        plan(&mounted("/src", Sharing::Copy), &rootless)
            .unwrap()
            .agent
            .mounts
            .is_empty()
    );
}

#[test]
fn an_engine_that_cannot_hide_the_host_says_so_and_warns_by_default() {
    let open = Capabilities {
        host_address: HostAddress::Present,
        ..can()
    };
    let warned = plan(&request(), &open).unwrap();
    assert_eq!(warned.host_access, HostAccess::Warn);
    assert!(
        warned
            .notes
            .iter()
            .any(|note| note.contains("leaves the host an address"))
    );
    assert_eq!(
        plan(&request(), &can()).unwrap().host_access,
        HostAccess::Refuse
    );
    let strict = LaunchRequest {
        host_access: Some(HostAccess::Refuse),
        ..request()
    };
    assert_eq!(
        plan(&strict, &open).unwrap().host_access,
        HostAccess::Refuse
    );
}

#[test]
fn a_read_only_root_leaves_places_to_write() {
    let plan = plan(
        &LaunchRequest {
            root: RootAccess::ReadOnly,
            ..request()
        },
        &can(),
    )
    .unwrap();
    let RootFs::ReadOnly { scratch } = plan.agent.root else {
        panic!("read-only")
    };
    for place in ["/tmp", "/workspace", "/.bottle/run"] {
        assert!(
            scratch.iter().any(|scratch| scratch.folder == place),
            "{place}"
        );
    }
}

#[test]
fn an_agent_is_limited_also_when_nobody_asked() {
    let plan = plan(&request(), &can()).unwrap();
    assert_eq!(
        (plan.agent.limits.pids, plan.agent.limits.memory),
        (Some(4096), Some(4 << 30))
    );
    let asked = LaunchRequest {
        limits: Limits {
            pids: Some(64),
            ..request().limits
        },
        ..request()
    };
    assert_eq!(
        LaunchPlan::new(&asked, &can(), &images())
            .unwrap()
            .agent
            .limits
            .pids,
        Some(64)
    );
}
