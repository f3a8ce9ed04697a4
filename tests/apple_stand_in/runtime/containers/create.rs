//! `create` and `run`.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::configuration::{Wanted, uuid, wanted};
use super::files;
use super::placement::{Place, places, words};
use super::start::{Streams, begin};
use crate::runtime::context::Context;
use crate::runtime::engine::{CONFIGURATION, Kind, find_container};
use crate::runtime::failure::{Code, Done, Failure};
use crate::runtime::output::emit;
use crate::runtime::spec::{Limit, Mount, MountKind, container_name};
use crate::runtime::volumes;

/// `create`: prints the id.
pub(crate) fn create(context: &Context<'_>) -> Done {
    let id = name(context)?;
    if find_container(context.engine, &id)?.is_some() {
        return Err(Failure::new(
            Code::Exists,
            format!("container already exists: {id}"),
        ));
    }
    make(context, &id)?;
    write_cidfile(context, &id)?;
    emit(&id);
    Ok(())
}

/// `run`: any failure after the creation deletes the container (§2.2).
pub(crate) fn run(context: &Context<'_>) -> Done {
    let id = name(context)?;
    let streams = Streams::of(context, context.parsed.flag("detach"))?;
    if find_container(context.engine, &id)?.is_some() {
        return Err(Failure::new(
            Code::Exists,
            format!("container with id {id} already exists"),
        ));
    }
    make(context, &id)?;
    let done = write_cidfile(context, &id).and_then(|()| begin(context, &id, streams));
    let ended = match done {
        Ok(status) => status,
        Err(failure) => {
            context.engine.ask(&["rm", "--force", "--volumes", &id])?;
            return Err(failure);
        }
    };
    match ended {
        Some(0) => Ok(()),
        Some(status) => Err(Failure::Status(status)),
        None => {
            emit(&id);
            Ok(())
        }
    }
}

fn name(context: &Context<'_>) -> Result<String, Failure> {
    let id = context
        .parsed
        .value("name")
        .map_or_else(uuid, |name| Ok(name.to_owned()))?;
    container_name(&id)?;
    Ok(id)
}

/// The id stands in the file alone, and an older file is overwritten (§2.1).
fn write_cidfile(context: &Context<'_>, id: &str) -> Done {
    let Some(path) = context
        .parsed
        .value("cidfile")
        .filter(|path| !path.is_empty())
    else {
        return Ok(());
    };
    std::fs::File::create(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, id.as_bytes()))
        .map_err(|error| Failure::invalid(format!("failed to create cidfile at {path}: {error}")))
}

/// Creates the container on the engine.
fn make(context: &Context<'_>, id: &str) -> Done {
    let wanted = wanted(context, id)?;
    let names: Vec<String> = wanted.networks.iter().map(|it| it.name.clone()).collect();
    if names.iter().any(|name| name == "default") {
        crate::runtime::networks::ensure_default(context)?;
    }
    let places = places(context, &names)?;
    for mount in &wanted.mounts {
        if let MountKind::Volume { name: Some(name) } = &mount.kind {
            volumes::ensure(context, name)?;
        }
    }
    let first = places.first();
    let resolver = match &wanted.dns {
        Some(dns) => {
            let gateway = first.map(Place::gateway).transpose()?;
            files::resolver_text(dns, gateway)
        }
        None => files::resolver_of_image(context, &wanted.image)?,
    };
    let address = first.map(|place| place.address);
    context.state.remove(&super::start::since_file(id));
    let files = files::write(context, id, &resolver, address)?;
    let mut words = fixed_words(context, &wanted);
    words.extend(self::words(context.engine.kind, &places, &wanted.networks));
    words.extend(resource_words(&wanted));
    words.extend(own_processes(context.engine.kind, &wanted.limits));
    words.extend(wanted.mounts.iter().map(mount_word));
    words.extend(file_words(&files));
    words.extend(process_words(&wanted));
    let answer = context.engine.ask(&words)?;
    if answer.status == 0 {
        return Ok(());
    }
    context.engine.ask(&["rm", "--force", id])?;
    Err(Failure::new(Code::Unknown, answer.complaint()).because("failed to create container"))
}

fn fixed_words(context: &Context<'_>, wanted: &Wanted) -> Vec<String> {
    let parsed = context.parsed;
    let configuration = wanted.configuration(context);
    let mut words = vec![
        "create".to_owned(),
        "--pull=never".to_owned(),
        format!("--name={}", wanted.id),
        format!("--hostname={}", wanted.id),
        context.engine.mark(),
        format!("--label={CONFIGURATION}={configuration}"),
        // A VM of its own does not forward, and confines nothing that Apple does not confine.
        "--security-opt=seccomp=unconfined".to_owned(),
    ];
    if context.engine.kind == Kind::Docker {
        words.push("--security-opt=apparmor=unconfined".to_owned());
    }
    if parsed.flag("init") {
        words.extend(init_words(context.engine.kind));
    }
    if !wanted.networks.is_empty() {
        words.push("--sysctl=net.ipv4.ip_forward=0".to_owned());
    }
    for (flag, word) in [
        ("read-only", "--read-only"),
        ("rm", "--rm"),
        ("tty", "--tty"),
        ("interactive", "--interactive"),
    ] {
        if parsed.flag(flag) {
            words.push(word.to_owned());
        }
    }
    words
}

/// podman may have been installed without its own init; another one does as well.
fn init_words(kind: Kind) -> Vec<String> {
    const PLACES: [&str; 5] = [
        "/usr/libexec/podman/catatonit",
        "/usr/bin/catatonit",
        "/usr/bin/docker-init",
        "/usr/bin/tini",
        "/sbin/docker-init",
    ];
    let mut words = vec!["--init".to_owned()];
    if kind == Kind::Podman {
        let place = PLACES.into_iter().find(|place| Path::new(place).exists());
        words.extend(place.map(|place| format!("--init-path={place}")));
    }
    words
}

fn resource_words(wanted: &Wanted) -> Vec<String> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processors = u64::try_from(processors).unwrap_or(1);
    let mut words = vec![
        // The engines refuse more processors than there are; Apple's VMs share them.
        format!("--cpus={}", wanted.cpus.min(processors).max(1)),
        format!("--memory={}", wanted.memory),
        format!("--memory-swap={}", wanted.memory),
    ];
    words.extend(wanted.shm.map(|size| format!("--shm-size={size}")));
    words.extend(wanted.cap_add.iter().map(|it| format!("--cap-add={it}")));
    words.extend(wanted.cap_drop.iter().map(|it| format!("--cap-drop={it}")));
    for limit in &wanted.limits {
        let amount = |amount: u64| {
            let none = amount == u64::MAX;
            if none {
                "-1".to_owned()
            } else {
                amount.to_string()
            }
        };
        let (soft, hard) = (amount(limit.soft), amount(limit.hard));
        words.push(format!("--ulimit={}={soft}:{hard}", limit.kind));
    }
    for port in &wanted.ports {
        let address = match port.address {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        for offset in 0..port.count {
            let (host, inside) = (port.host + offset, port.container + offset);
            words.push(format!(
                "--publish={address}:{host}:{inside}/{}",
                port.protocol
            ));
        }
    }
    words
}

/// podman adds a limit of processes to any other limit, and one that it may not be allowed to set;
/// this is what it gives a container without limits.
fn own_processes(kind: Kind, limits: &[Limit]) -> Option<String> {
    const PROCESSES: u64 = 32768;
    if kind == Kind::Docker || limits.is_empty() || limits.iter().any(|it| it.kind == "nproc") {
        return None;
    }
    let own = getrlimit(Resource::Nproc).maximum.unwrap_or(PROCESSES);
    Some(format!("--ulimit=nproc={0}:{0}", own.min(PROCESSES)))
}

fn mount_word(mount: &Mount) -> String {
    let target = &mount.destination;
    let readonly = mount.options.iter().any(|option| option == "ro");
    match &mount.kind {
        MountKind::Host { source } => {
            let end = if readonly { ",readonly" } else { "" };
            let (source, target) = (field("source", source), field("target", target));
            format!("--mount=type=bind,{source},{target}{end}")
        }
        MountKind::Volume { name } => {
            let name = name.as_deref().unwrap_or_default();
            let end = if readonly { ",ro" } else { "" };
            // A new volume is an empty file system, whatever the image has there.
            format!("--volume={name}:{target}:nocopy{end}")
        }
        MountKind::Tmpfs => {
            // The engines would add `noexec`, `nosuid` and `nodev`; Apple's runtime adds nothing.
            let own = mount.options.iter().map(String::as_str);
            let options: Vec<&str> = ["rw", "exec", "suid", "dev"]
                .into_iter()
                .chain(own)
                .collect();
            format!("--tmpfs={target}:{}", options.join(","))
        }
    }
}

/// A field of the engines' comma-separated values.
fn field(key: &str, value: &str) -> String {
    let field = format!("{key}={value}");
    if field.contains([',', '"', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field
}

fn file_words(files: &[(PathBuf, &'static str)]) -> Vec<String> {
    let word = |(source, target): &(PathBuf, &'static str)| {
        let source = field("source", &source.to_string_lossy());
        format!("--mount=type=bind,{source},target={target}")
    };
    files.iter().map(word).collect()
}

fn process_words(wanted: &Wanted) -> Vec<String> {
    let mut words = vec![format!("--user={}", wanted.user.argument())];
    words.extend(
        wanted
            .groups
            .iter()
            .map(|group| format!("--group-add={group}")),
    );
    words.extend(wanted.workdir.iter().map(|it| format!("--workdir={it}")));
    words.extend(wanted.environment.iter().map(|it| format!("--env={it}")));
    if let Some((executable, arguments)) = wanted.process.split_first() {
        words.push(format!("--entrypoint={executable}"));
        words.push(wanted.image.id.clone());
        words.extend(arguments.iter().cloned());
    }
    words
}
