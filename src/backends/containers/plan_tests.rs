//! What a launch is planned as, and what is refused.

use std::path::PathBuf;
use std::slice::from_ref;

use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{Dlp, RouteDlp};
use bottle_contract::labels::Labels;
use bottle_contract::policy::Policy;

use super::*;
use crate::backends::containers::capabilities::{Builder, First, Isolation, Mountable, OnBuild};
use crate::backends::request::{Guarded, Sharing, SidecarSettings, Workspace};

fn can() -> Capabilities {
    Capabilities {
        isolation: Isolation::InhibitedAddress,
        host_address: HostAddress::Omitted,
        addresses: Addresses::Chosen,
        mount_owner: MountOwner::SameId,
        mountable: Mountable::Anything,
        second_network: SecondNetwork::Connected,
        first: First::Anyone,
        names: Names::Engine,
        mount_marks: &[':', ','],
        sysctls: Sysctls::Engine,
        on_build: OnBuild::Shown,
        builder: Builder::Engine,
        log: LogBound::Engine,
        wall: Wall::Guest,
        limits: Limiting::Engine,
        memory: Some(8 << 30),
    }
}

/// An engine that has a machine for each container, and few options.
fn machines() -> Capabilities {
    Capabilities {
        host_address: HostAddress::Present,
        addresses: Addresses::Engine,
        second_network: SecondNetwork::AtCreation,
        first: First::Sidecar,
        names: Names::Stated {
            host: None,
            variable: "RESOLVER",
        },
        mount_marks: &[':', ',', '='],
        sysctls: Sysctls::Inside,
        log: LogBound::Nothing,
        wall: Wall::Nobody,
        limits: Limiting::Machine {
            least_memory: 200 << 20,
        },
        ..can()
    }
}

pub(in super::super) fn request() -> LaunchRequest {
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
            dlp: Dlp::default(),
            owner: (501, 20),
            resolver: None,
            fallback_resolver: None,
        },
        subnets: None,
        paths: Vec::new(),
        host_access: None,
        timeout: None,
    }
}

fn images() -> Images {
    let base = ImageRecord {
        id: "sha256:0".to_owned(),
        platform: None,
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
    assert_eq!(plan.agent.networks, from_ref(&plan.internal.name));
    assert_eq!(plan.sidecar.networks, from_ref(&plan.egress.name));
    assert!(plan.connect().is_some());
    assert_eq!(plan.agent.resolver, Resolver::Nobody);
    assert_eq!(plan.sidecar.resolver, Resolver::Engine);
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
            guarded: Vec::new(),
            sharing,
        }),
        ..request()
    };
    let rootless = Capabilities {
        mount_owner: MountOwner::RootIsUser,
        ..can()
    };
    let unlimited = Capabilities {
        limits: Limiting::Nobody,
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
fn what_git_takes_orders_from_is_read_only_in_a_mounted_workspace() {
    let guarded = LaunchRequest {
        workspace: Some(Workspace {
            source: PathBuf::from("/src"),
            guarded: vec![
                Guarded::Pinned(PathBuf::from(".git")),
                Guarded::Folder(PathBuf::from(".git/hooks")),
                Guarded::OneFile(PathBuf::from(".git/config")),
            ],
            sharing: Sharing::Mount,
        }),
        ..request()
    };
    let mounts = |can: &Capabilities| -> Vec<String> {
        let plan = plan(&guarded, can).unwrap();
        let told = |mount: &Mount| format!("{} {:?}", mount.target, mount.access);
        plan.agent.mounts.iter().map(told).collect()
    };
    let all = [
        "/workspace Write",
        "/workspace/.git Write",
        "/workspace/.git/hooks Read",
        "/workspace/.git/config Read",
    ];
    assert_eq!(mounts(&can()), all);
    assert_eq!(left_open(&guarded, &can()), Vec::<String>::new());
    // An engine that mounts folders only says what it leaves open.
    let folders = Capabilities {
        mountable: Mountable::Folders,
        ..can()
    };
    assert_eq!(mounts(&folders), all[..3]);
    let open = left_open(&guarded, &folders);
    assert!(
        open.len() == 1 && open[0].contains("`.git/config`"),
        "{open:?}"
    );
    assert!(plan(&guarded, &folders).unwrap().notes.contains(&open[0]));
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
        paths: Vec::new(),
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

#[test]
fn where_networks_come_with_the_creation_egress_is_first_and_nothing_is_connected() {
    let plan = plan(&request(), &machines()).unwrap();
    assert_eq!(
        plan.sidecar.networks,
        [plan.egress.name.clone(), plan.internal.name.clone()]
    );
    assert_eq!(plan.agent.networks, from_ref(&plan.internal.name));
    assert_eq!(plan.connect(), None);
    assert!(plan.sidecar.sysctls.is_empty() && plan.agent.sysctls.is_empty());
}

#[test]
fn a_resolver_is_stated_only_where_it_is_needed_and_must_be_there_then() {
    let route = |address: Option<&str>| Route {
        host: "api.example.com".parse().unwrap(),
        ports: vec![443],
        methods: None,
        paths: None,
        address: address.map(|address| address.parse().unwrap()),
        auth: None,
        git: bottle_contract::policy::GitAccess::None,
        dlp: RouteDlp::default(),
    };
    let with = |routes: Vec<Route>, resolver: Option<&str>| {
        let mut request = request();
        request.sidecar.policy.routes = routes;
        request.sidecar.resolver = resolver.map(|address| address.parse().unwrap());
        request
    };
    let resolver =
        |request: &LaunchRequest| plan(request, &machines()).map(|plan| plan.sidecar.resolver);
    let named = with(vec![route(None)], Some("192.0.2.53"));
    assert_eq!(resolver(&named), Ok(Resolver::At("192.0.2.53".to_owned())));
    for routes in [vec![], vec![route(Some("192.0.2.7"))]] {
        assert_eq!(resolver(&with(routes, None)), Ok(Resolver::Nobody));
    }
    let error = resolver(&with(vec![route(None)], None)).unwrap_err();
    assert!(error.contains("no resolver"), "{error}");
    assert!(plan(&with(vec![route(None)], None), &can()).is_ok());
}

#[test]
fn the_resolver_is_the_named_one_then_the_machines_then_the_manifests() {
    let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    for (named, host, fallback, expected) in [
        (
            address("192.0.2.1"),
            address("192.0.2.2"),
            address("192.0.2.3"),
            address("192.0.2.1"),
        ),
        (
            None,
            address("192.0.2.2"),
            address("192.0.2.3"),
            address("192.0.2.2"),
        ),
        (None, None, address("192.0.2.3"), address("192.0.2.3")),
        (None, None, None, None),
    ] {
        let mut request = request();
        request.sidecar.resolver = named;
        request.sidecar.fallback_resolver = fallback;
        let names = Names::Stated {
            host,
            variable: "RESOLVER",
        };
        let can = Capabilities {
            names,
            ..machines()
        };
        assert_eq!(resolver(&request, &can), expected);
        let engine = Capabilities {
            names: Names::Engine,
            ..machines()
        };
        assert_eq!(resolver(&request, &engine), None);
    }
}

#[test]
fn a_root_agent_is_not_promised_a_host_that_cannot_be_reached() {
    let root = |access| {
        let mut request = request();
        request.user = UserChoice::Root;
        request.host_access = access;
        request
    };
    let refused = plan(&root(Some(HostAccess::Refuse)), &machines()).unwrap_err();
    assert!(refused.contains("root"), "{refused}");
    assert!(plan(&root(Some(HostAccess::Refuse)), &can()).is_ok());
    let noted = plan(&root(None), &machines()).unwrap();
    assert!(noted.notes.iter().any(|note| note.contains("IPv6")));
}

#[test]
fn what_is_refused_is_refused_before_there_is_an_image() {
    let mut request = request();
    assert!(check_before_images(&request, &machines()).is_ok());
    request.limits.cpus = Some(1.5);
    assert!(check_before_images(&request, &machines()).is_err());
    assert!(check_before_images(&request, &can()).is_ok());
}

#[test]
fn limits_that_a_machine_cannot_have_are_refused() {
    let limits = |cpus, memory, pids| {
        let mut request = request();
        request.limits = Limits { cpus, memory, pids };
        request
    };
    for (cpus, memory, pids, word) in [
        (Some(1.5), None, None, "whole CPUs"),
        (None, Some(199 << 20), None, "200 MiB"),
    ] {
        let error = plan(&limits(cpus, memory, pids), &machines()).unwrap_err();
        assert!(error.contains(word), "{error}");
        assert!(plan(&limits(cpus, memory, pids), &can()).is_ok());
    }
    let fits = plan(&limits(Some(2.0), Some(1 << 30), Some(99)), &machines()).unwrap();
    assert_eq!(
        (fits.agent.limits.cpus, fits.agent.limits.memory),
        (Some(2.0), Some(1 << 30))
    );
    assert_eq!((fits.agent.limits.pids, fits.processes), (None, Some(99)));
    assert_eq!(plan(&request(), &machines()).unwrap().processes, Some(4096));
}

#[test]
fn the_guest_cannot_bound_root_so_that_is_not_promised() {
    let root = |pids| {
        let mut request = request();
        request.user = UserChoice::Root;
        request.limits.pids = pids;
        request
    };
    assert_eq!(plan(&root(None), &machines()).unwrap().processes, None);
    let error = plan(&root(Some(99)), &machines()).unwrap_err();
    assert!(error.contains("cannot limit root"), "{error}");
    assert!(plan(&root(Some(99)), &can()).is_ok());
}

#[test]
fn a_path_that_a_mount_is_split_at_is_refused_before_any_call() {
    let mounted = |source: &str| {
        let mut request = request();
        request.workspace = Some(Workspace {
            source: PathBuf::from(source),
            guarded: Vec::new(),
            sharing: Sharing::Mount,
        });
        request
    };
    for (source, on_machines, on_others) in [
        ("/home/me/a b", true, true),
        ("/home/me/a=b", false, true),
        ("/home/me/a:b", false, false),
        ("/home/me/a,b", false, false),
    ] {
        assert_eq!(
            plan(&mounted(source), &machines()).is_ok(),
            on_machines,
            "{source}"
        );
        assert_eq!(
            plan(&mounted(source), &can()).is_ok(),
            on_others,
            "{source}"
        );
    }
}
