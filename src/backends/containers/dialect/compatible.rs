//! The argv that docker and podman share; what differs is in [`Differences`].

use std::ffi::OsString;
use std::path::Path;

use super::super::capabilities::Isolation;
use super::super::request::{
    Access, BuildNetwork, BuildSpec, ContainerSpec, ExecSpec, LogsUntil, Mount, NetworkKind,
    NetworkSpec, Owner, Request, Resolver, RootFs, Scratch, Streams,
};
use super::words::Words;

/// The loopback of the container's own network, where nobody listens: with no option at all, names
/// would go to the engine's resolver.
const NO_RESOLVER: &str = "127.0.0.1";

/// A mount is split at these, and there is no way to quote them.
pub(super) const MOUNT_MARKS: &[char] = &[':', ','];

/// Where the two command lines differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Differences {
    /// The format that makes `info` print JSON.
    pub(super) info_format: &'static str,
    /// What makes `rm` kill at once: podman waits 10 s otherwise.
    pub(super) remove_now: &'static [&'static str],
    /// What bounds a container's log: an agent may print for ever.
    pub(super) bound_log: &'static [&'static str],
}

/// Returns the words after the program's name.
pub(super) fn argv(request: &Request, differences: Differences) -> Vec<OsString> {
    let words = match request {
        Request::Version => Words::of(&["--version"]),
        // Their builds are the engine's own, and so is their start.
        Request::StartEngine
        | Request::InspectBuilder
        | Request::StartBuilder { .. }
        | Request::StopBuilder => Words::of(&["--help"]),
        Request::SaveImage { image, to, .. } => Words::of(&["image", "save"])
            .option("output", to)
            .word(image),
        Request::Export { container, to } => {
            Words::of(&["export"]).option("output", to).word(container)
        }
        Request::RemoveImage(image) => Words::of(&["image", "rm"]).word(image),
        Request::Info => Words::of(&["info"]).option("format", differences.info_format),
        Request::InspectImage(image) => Words::of(&["image", "inspect"]).word(image),
        Request::PullImage(image) => Words::of(&["pull", "--quiet"]).word(image),
        Request::BuildImage(spec) => build(spec),
        Request::CreateNetwork(spec) => create_network(spec),
        Request::Connect { network, container } => Words::of(&["network", "connect"])
            .word(network)
            .word(container),
        Request::InspectNetworks(names) => Words::of(&["network", "inspect"]).words(names),
        Request::ListNetworks { label } => Words::of(&["network", "ls", "--format={{.Name}}"])
            .option("filter", format!("label={label}")),
        Request::RemoveNetwork(name) => Words::of(&["network", "rm"]).word(name),
        Request::CreateContainer(spec) => create_container(spec, differences),
        Request::Start(name) => Words::of(&["start"]).word(name),
        Request::InspectContainers(names) => Words::of(&["container", "inspect"]).words(names),
        Request::ListContainers { label } => Words::of(&["ps", "--all", "--quiet", "--no-trunc"])
            .option("filter", format!("label={label}")),
        Request::Exec(spec) => exec(&[], spec),
        Request::ExecPrivileged(spec) => exec(&["--privileged"], spec),
        Request::Logs { container, until } => {
            let follow: &[&str] = match until {
                LogsUntil::Now => &[],
                LogsUntil::End => &["--follow"],
            };
            Words::of(&["logs"]).words(follow).word(container)
        }
        Request::Stop { container, seconds } => Words::of(&["stop", "-t"])
            .word(seconds.to_string())
            .word(container),
        Request::RemoveContainer(name) => Words::of(&["rm", "--force", "--volumes"])
            .words(differences.remove_now)
            .word(name),
    };
    words.into_argv()
}

fn build(spec: &BuildSpec) -> Words {
    let network: &[&str] = match spec.network {
        BuildNetwork::Engines => &[],
        BuildNetwork::None => &["--network=none"],
    };
    let args = spec.args.iter();
    args.fold(
        Words::of(&["build", "--quiet"])
            .words(network)
            .option("tag", &spec.tag)
            .option("file", &spec.file)
            .labels(&spec.labels),
        |words, (key, value)| words.option("build-arg", format!("{key}={value}")),
    )
    .word(spec.context.as_os_str())
}

fn create_network(spec: &NetworkSpec) -> Words {
    let words = Words::of(&["network", "create"]).labels(&spec.labels);
    let words = match spec.kind {
        NetworkKind::Egress => words,
        NetworkKind::Internal(isolation) => words.word("--internal").words(isolate(isolation)),
    };
    let words = spec.subnet.iter().fold(words, |words, subnet| {
        words.option("subnet", subnet.to_string())
    });
    words.word(&spec.name)
}

fn isolate(isolation: Isolation) -> &'static [&'static str] {
    match isolation {
        Isolation::IsolatedGateway => &[
            "--opt=com.docker.network.bridge.gateway_mode_ipv4=isolated",
            "--opt=com.docker.network.bridge.gateway_mode_ipv6=isolated",
        ],
        Isolation::InhibitedAddress => &["--opt=com.docker.network.bridge.inhibit_ipv4=true"],
        // podman 4.3's resolver answers for outside names even on an internal network.
        Isolation::NoResolver => &["--disable-dns"],
        Isolation::HostGateway => &[],
    }
}

fn create_container(spec: &ContainerSpec, differences: Differences) -> Words {
    let words = Words::of(&[
        "create",
        "--pull=never",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        // An image's own check would run before the seal.
        "--no-healthcheck",
    ])
    .words(differences.bound_log)
    .option("name", &spec.name)
    .option("hostname", &spec.hostname)
    .option("user", &spec.user)
    .option("entrypoint", &spec.entrypoint)
    .labels(&spec.labels);
    let words = spec.sysctls.iter().fold(words, |words, (key, value)| {
        words.option("sysctl", format!("{key}={value}"))
    });
    let words = spec
        .networks
        .iter()
        .fold(words, |words, network| words.option("network", network));
    let words = match &spec.resolver {
        Resolver::Engine => words,
        Resolver::Nobody => words.option("dns", NO_RESOLVER),
        Resolver::At(address) => words.option("dns", address),
    };
    let words = limits(root(words, &spec.root), spec);
    let words = spec
        .mounts
        .iter()
        .fold(words, |words, mount| words.option("volume", volume(mount)));
    words.word(&spec.image).words(&spec.args)
}

fn root(words: Words, root: &RootFs) -> Words {
    match root {
        RootFs::Writable => words,
        RootFs::ReadOnly { scratch } => scratch
            .iter()
            .fold(words.word("--read-only"), |words, folder| {
                words.option("tmpfs", tmpfs(folder))
            }),
    }
}

/// A mount inherits the mode of the folder beneath it unless one is given, and is `noexec` on docker.
fn tmpfs(scratch: &Scratch) -> String {
    format!("{}:rw,exec,mode={:o}", scratch.folder, scratch.mode)
}

fn limits(words: Words, spec: &ContainerSpec) -> Words {
    let words = spec.limits.pids.iter().fold(words, |words, pids| {
        words.option("pids-limit", pids.to_string())
    });
    let words = spec.limits.memory.iter().fold(words, |words, bytes| {
        // The same figure for both: memory and swap together, so no swap on top.
        words
            .option("memory", bytes.to_string())
            .option("memory-swap", bytes.to_string())
    });
    spec.limits
        .cpus
        .iter()
        .fold(words, |words, cpus| words.option("cpus", cpus.to_string()))
}

/// `source:target:options`; `Z` gives our own folder a private `SELinux` label where that is in use.
fn volume(mount: &Mount) -> OsString {
    let access = match mount.access {
        Access::Read => "ro",
        Access::Write => "rw",
    };
    let mut word = Path::as_os_str(&mount.source).to_owned();
    let label = match mount.owner {
        Owner::Bottle => "Z",
        Owner::User => "z",
    };
    word.push(format!(":{}:{access},{label}", mount.target));
    word
}

fn exec(rights: &[&str], spec: &ExecSpec) -> Words {
    let words = Words::of(&["exec"]).words(rights);
    let words = match spec.streams {
        Streams::Output => words,
        Streams::InputOutput => words.word("--interactive"),
        Streams::Terminal => words.word("--interactive").word("--tty"),
    };
    let words = spec
        .user
        .iter()
        .fold(words, |words, user| words.option("user", user));
    words.word(&spec.container).words(&spec.argv)
}
