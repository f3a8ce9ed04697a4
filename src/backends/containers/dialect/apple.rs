//! Apple's `container`, 1.0.0 and later, on macOS 26 and Apple silicon.
//!
//! Its parser is swift-argument-parser's: options are written `--name=value`, one value for each
//! occurrence, and end at the first positional of `create` and `exec`, after which every word goes
//! through as it is. So there is never a `--` behind an image or a container.

use std::ffi::OsString;
use std::path::Path;

use super::super::capabilities::{
    Addresses, Builder, Capabilities, First, HostAddress, Isolation, Limiting, LogBound,
    MountOwner, Mountable, Names, OnBuild, SecondNetwork, Sysctls, Wall,
};
use super::super::error::ErrorKind;
use super::super::record::{
    BuilderState, ContainerRecord, EngineInfo, ImageRecord, Listing, NetworkRecord,
};
use super::super::request::{
    Access, BuildSpec, ContainerSpec, ExecSpec, LogsUntil, Mount, NetworkKind, NetworkSpec,
    Request, Resolver, RootFs, Scratch, Streams,
};
use super::apple_json::{self, Container, Image, Network, Status};
use super::contract::{Dialect, ParseError, VersionedBy, read};
use super::words::Words;
use crate::backends::backend::{Home, Problem};
use crate::machine::{Architecture, Facts};

/// The status that the parser ends with when the words do not fit its grammar.
const BAD_WORDS: i32 = 64;
/// The first macOS that has networks beside the default one.
const MACOS: u32 = 26;
/// The least memory that the service gives to a container's machine.
const LEAST_MEMORY: u64 = 200 * 1024 * 1024;
/// The service counts memory in whole units of this.
const MEBIBYTE: u64 = 1024 * 1024;
/// How the service says that it runs.
const RUNNING: &str = "running";
/// What every Mac that this runs on executes.
const PLATFORM: &str = "linux/arm64";

/// The command line of Apple's `container`.
#[derive(Clone, Copy, Debug)]
pub struct Apple;

impl Dialect for Apple {
    fn name(&self) -> &'static str {
        "macos-container"
    }

    fn program(&self) -> &'static str {
        "container"
    }

    fn home(&self, facts: &Facts) -> Home {
        match facts.system.macos_release() {
            Some(_) => Home::Here,
            None => Home::Elsewhere,
        }
    }

    fn unfit(&self, facts: &Facts) -> Option<Problem> {
        let problem = |what: String, mend: &str| {
            Some(Problem {
                what,
                mend: mend.to_owned(),
            })
        };
        match (facts.system.macos_release(), facts.architecture) {
            (None, _) => problem(
                format!("it runs on macOS only, and this is {}", facts.system),
                "use `--backend docker` or `--backend podman`",
            ),
            (Some(_), Architecture::X86_64) => problem(
                "it needs Apple silicon, and this Mac has an Intel processor".to_owned(),
                "brew install --cask docker  # then use `--backend docker`",
            ),
            (Some(0), Architecture::Arm64) => problem(
                "the version of this macOS cannot be told".to_owned(),
                "sw_vers -productVersion  # must name 26 or later",
            ),
            (Some(release), Architecture::Arm64) if release < MACOS => problem(
                format!(
                    "{} is too old: its containers have no networks of their own before macOS {MACOS}",
                    facts.system
                ),
                "softwareupdate --list  # then update to macOS 26 or later, or use `--backend docker`",
            ),
            (Some(_), Architecture::Arm64) => None,
        }
    }

    fn starts_by_call(&self) -> bool {
        true
    }

    fn versioned_by(&self) -> VersionedBy {
        VersionedBy::Program
    }

    fn argv(&self, request: &Request) -> Vec<OsString> {
        words(request).into_argv()
    }

    fn parse_info(&self, stdout: &[u8]) -> Result<EngineInfo, ParseError> {
        let status: Status = read("system status", stdout)?;
        Ok(status.into())
    }

    fn why_down(&self, stdout: &[u8]) -> Option<String> {
        let status: Status = read("system status", stdout).ok()?;
        (status.status != RUNNING).then(|| {
            format!(
                "the service of Apple's `container` is not running (its status is `{}`)",
                status.status
            )
        })
    }

    fn parse_containers(&self, stdout: &[u8]) -> Result<Vec<ContainerRecord>, ParseError> {
        let containers: Vec<Container> = read("inspect", stdout)?;
        Ok(containers.into_iter().map(ContainerRecord::from).collect())
    }

    fn parse_networks(&self, stdout: &[u8]) -> Result<Vec<NetworkRecord>, ParseError> {
        let networks: Vec<Network> = read("network inspect", stdout)?;
        Ok(networks.into_iter().map(NetworkRecord::from).collect())
    }

    fn parse_container_listing(
        &self,
        stdout: &[u8],
    ) -> Result<Listing<ContainerRecord>, ParseError> {
        self.parse_containers(stdout).map(Listing::Records)
    }

    fn parse_network_listing(&self, stdout: &[u8]) -> Result<Listing<NetworkRecord>, ParseError> {
        self.parse_networks(stdout).map(Listing::Records)
    }

    fn parse_image(&self, stdout: &[u8]) -> Result<ImageRecord, ParseError> {
        let images: Vec<Image> = read("image inspect", stdout)?;
        Ok(apple_json::image(images))
    }

    fn parse_builder(&self, stdout: &[u8]) -> Result<BuilderState, ParseError> {
        let running = self
            .parse_containers(stdout)?
            .iter()
            .any(|container| container.running);
        Ok(if running {
            BuilderState::Running
        } else {
            BuilderState::Stopped
        })
    }

    fn classify(&self, status: i32, stderr: &str) -> ErrorKind {
        if status == BAD_WORDS {
            return ErrorKind::BadCall;
        }
        let words = [
            // The one hint that every command gives when the service is down.
            ("container system start", ErrorKind::NotRunning),
            ("XPC connection error", ErrorKind::NotRunning),
            ("already exist", ErrorKind::Conflict),
            ("overlaps an existing network", ErrorKind::Overlap),
            ("No space left on device", ErrorKind::NoSpace),
            ("does not support required platforms", ErrorKind::NoImage),
            ("not found", ErrorKind::Absent),
        ];
        ErrorKind::first_of(stderr, &words)
    }

    fn capabilities(&self, _info: &EngineInfo, facts: &Facts) -> Capabilities {
        Capabilities {
            isolation: Isolation::HostGateway,
            host_address: HostAddress::Present,
            addresses: Addresses::Engine,
            second_network: SecondNetwork::AtCreation,
            first: First::Sidecar,
            names: Names::Stated {
                host: facts.resolver,
                variable: "BOTTLE_MACOS_CONTAINER_DNS",
            },
            mount_owner: MountOwner::SameId,
            mount_marks: &[':', ',', '='],
            mountable: Mountable::Folders,
            sysctls: Sysctls::Inside,
            on_build: OnBuild::Archived,
            builder: Builder::Shared,
            log: LogBound::Nothing,
            wall: Wall::Nobody,
            limits: Limiting::Machine {
                least_memory: LEAST_MEMORY,
            },
            memory: facts.memory,
        }
    }

    fn minimum(&self) -> (u32, u32) {
        (1, 0)
    }

    fn too_old(&self, version: &str) -> String {
        format!(
            "version {version} of Apple's `container` is too old: 1.0.0 or later is needed, since earlier ones cannot run a container on two networks, or describe it in another shape"
        )
    }

    fn upgrade_hint(&self) -> &'static str {
        "brew upgrade container  # or install the package of a later release"
    }

    fn start_hint(&self) -> &'static str {
        "container system start"
    }

    fn install_hint(&self) -> &'static str {
        "brew install container  # then `container system start`"
    }
}

fn words(request: &Request) -> Words {
    match request {
        Request::Version => Words::of(&["--version"]),
        Request::Info => Words::of(&["system", "status", "--format=json"]),
        // Without this option it asks on standard input whether to fetch a kernel.
        Request::StartEngine => Words::of(&["system", "start", "--enable-kernel-install"]),
        Request::InspectImage(image) => Words::of(&["image", "inspect"]).word(image),
        Request::PullImage(image) => Words::of(&["image", "pull", "--progress=none"])
            .option("platform", PLATFORM)
            .word(image),
        Request::SaveImage {
            image,
            to,
            platform,
        } => save(image, to, platform.as_deref()),
        Request::Export { container, to } => {
            Words::of(&["export"]).option("output", to).word(container)
        }
        Request::RemoveImage(image) => Words::of(&["image", "delete"]).word(image),
        Request::BuildImage(spec) => build(spec),
        Request::InspectBuilder => Words::of(&["builder", "status", "--format=json"]),
        Request::StartBuilder { resolver } => resolver
            .iter()
            .fold(Words::of(&["builder", "start"]), |words, resolver| {
                words.option("dns", resolver)
            }),
        Request::StopBuilder => Words::of(&["builder", "stop"]),
        Request::CreateNetwork(spec) => create_network(spec),
        // A container has all its networks from its creation on.
        Request::Connect { .. } | Request::ExecPrivileged(_) => Words::of(&["--help"]),
        Request::InspectNetworks(names) => Words::of(&["network", "inspect"]).words(names),
        Request::ListNetworks { .. } => Words::of(&["network", "list", "--format=json"]),
        Request::RemoveNetwork(name) => Words::of(&["network", "delete"]).word(name),
        Request::CreateContainer(spec) => create_container(spec),
        Request::Start(name) => Words::of(&["start"]).word(name),
        Request::InspectContainers(names) => Words::of(&["inspect"]).words(names),
        Request::ListContainers { .. } => Words::of(&["list", "--all", "--format=json"]),
        Request::Exec(spec) => exec(spec),
        Request::Logs { container, until } => {
            let follow: &[&str] = match until {
                LogsUntil::Now => &[],
                LogsUntil::End => &["--follow"],
            };
            Words::of(&["logs"]).words(follow).word(container)
        }
        Request::Stop { container, seconds } => Words::of(&["stop"])
            .option("time", seconds.to_string())
            .word(container),
        Request::RemoveContainer(name) => Words::of(&["delete", "--force"]).word(name),
    }
}

/// To a file: 1.0 prints the image's name into what it writes to standard output.
fn save(image: &str, to: &Path, platform: Option<&str>) -> Words {
    let words = Words::of(&["image", "save"]).option("output", to);
    platform
        .into_iter()
        .fold(words, |words, platform| words.option("platform", platform))
        .word(image)
}

/// The builder has its network and its limits from its start: an option here would restart it, and
/// end what others build.
fn build(spec: &BuildSpec) -> Words {
    spec.args
        .iter()
        .fold(
            Words::of(&["build", "--progress=plain"])
                .option("tag", &spec.tag)
                .option("file", &spec.file)
                .labels(&spec.labels),
            |words, (key, value)| words.option("build-arg", format!("{key}={value}")),
        )
        .word(spec.context.as_os_str())
}

fn create_network(spec: &NetworkSpec) -> Words {
    let words = Words::of(&["network", "create"]);
    let words = match spec.kind {
        NetworkKind::Egress => words,
        NetworkKind::Internal(_) => words.word("--internal"),
    };
    let words = spec.subnet.iter().fold(words, |words, subnet| {
        words.option("subnet", subnet.to_string())
    });
    words.labels(&spec.labels).word(&spec.name)
}

/// There are no options for a host name (it is the container's name), for kernel settings, for new
/// privileges, for a health check (there is none) and for the log: the guest does what it can.
fn create_container(spec: &ContainerSpec) -> Words {
    let words = Words::of(&["create", "--cap-drop=ALL"])
        .option("name", &spec.name)
        .option("user", &spec.user)
        .option("entrypoint", &spec.entrypoint)
        .labels(&spec.labels);
    let words = spec
        .networks
        .iter()
        .fold(words, |words, network| words.option("network", network));
    let words = match &spec.resolver {
        Resolver::Engine => words,
        Resolver::Nobody => words.word("--no-dns"),
        Resolver::At(address) => words.option("dns", address),
    };
    let words = limits(root(words, &spec.root), spec);
    spec.mounts
        .iter()
        .fold(words, |words, mount| words.option("mount", bind(mount)))
        .word(&spec.image)
        .words(&spec.args)
}

fn root(words: Words, root: &RootFs) -> Words {
    match root {
        RootFs::Writable => words,
        RootFs::ReadOnly { scratch } => scratch
            .iter()
            .fold(words.word("--read-only"), |words, folder| {
                words.option("mount", tmpfs(folder))
            }),
    }
}

fn tmpfs(scratch: &Scratch) -> String {
    format!(
        "type=tmpfs,target={},mode={:o}",
        scratch.folder, scratch.mode
    )
}

fn limits(words: Words, spec: &ContainerSpec) -> Words {
    let words = spec.limits.memory.iter().fold(words, |words, bytes| {
        words.option("memory", format!("{}m", bytes / MEBIBYTE))
    });
    spec.limits
        .cpus
        .iter()
        .fold(words, |words, cpus| words.option("cpus", cpus.to_string()))
}

fn bind(mount: &Mount) -> OsString {
    let mut word = OsString::from("type=bind,source=");
    word.push(&mount.source);
    word.push(format!(",target={}", mount.target));
    match mount.access {
        Access::Read => word.push(",readonly"),
        Access::Write => {}
    }
    word
}

fn exec(spec: &ExecSpec) -> Words {
    let words = Words::of(&["exec"]);
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

#[cfg(test)]
#[path = "apple_tests.rs"]
mod tests;
