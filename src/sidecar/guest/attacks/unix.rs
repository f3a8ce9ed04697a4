//! Unix sockets of others: the host's daemons, the user's desktop, whatever is mounted into the bottle.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use bottle_contract::attack::Tried;

use super::rows::{Checked, Seen, row, stopped, through};
use super::scene::{Scene, variable};
use super::walk::walk;

/// Where daemons of the host listen.
const DAEMONS: [&str; 16] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
    "/var/run/libvirt/libvirt-sock",
    "/run/systemd/private",
    "/run/systemd/journal/stdout",
    "/run/systemd/notify",
    "/dev/log",
    "/run/udev/control",
    "/run/snapd.socket",
    "/run/host-services/ssh-auth.sock",
    "/run/host-services/docker.proxy.sock",
];

/// Where parts of a desktop listen.
const DESKTOP: [&str; 6] = [
    "/run/dbus/system_bus_socket",
    "/var/run/dbus/system_bus_socket",
    "/tmp/.X11-unix/X0",
    "/tmp/.X11-unix/X1",
    "/run/pcscd/pcscd.comm",
    "/run/pulse/native",
];

/// Variables that lead to a socket.
const VARIABLES: [&str; 7] = [
    "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS",
    "GPG_AGENT_INFO",
    "WAYLAND_DISPLAY",
    "DISPLAY",
    "DOCKER_HOST",
    "CONTAINER_HOST",
];

/// How many files of a folder's tree are looked at.
const FILES: usize = 20_000;

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    vec![
        row("host-sockets", known(DAEMONS.map(PathBuf::from)), control()),
        row("desktop-sockets", desktop(), control()),
        row("mounted-sockets", mounted(scene), control()),
        row("abstract-sockets", abstract_sockets(), control()),
    ]
}

fn known(paths: impl IntoIterator<Item = PathBuf>) -> Seen {
    let found: Vec<String> = paths
        .into_iter()
        .filter(|path| is_foreign(path, &own_names()))
        .map(|path| format!("`{}` {}", path.display(), answer(&path)))
        .collect();
    if found.is_empty() {
        stopped("none is there")
    } else {
        through(found.join(", "))
    }
}

fn desktop() -> Seen {
    let uid = rustix::process::getuid().as_raw();
    let user = [
        "bus",
        "gnupg/S.gpg-agent",
        "gnupg/S.gpg-agent.ssh",
        "wayland-0",
        "keyring/ssh",
    ]
    .map(|name| PathBuf::from(format!("/run/user/{uid}/{name}")));
    let named = VARIABLES.iter().filter_map(|name| variable(name));
    // `unix:path=…,guid=…` is D-Bus's way to write it, `unix://…` docker's.
    let named = named.filter_map(|value| {
        let start = value.find('/')?;
        let path = value.get(start..)?.trim_start_matches("//");
        path.split(',').next().map(PathBuf::from)
    });
    let paths = DESKTOP
        .map(PathBuf::from)
        .into_iter()
        .chain(user)
        .chain(named);
    known(paths)
}

/// Looks through every folder where a socket may have been mounted.
fn mounted(scene: &Scene) -> Seen {
    let own = own_names();
    let roots = [
        "/run", "/var/run", "/tmp", "/mnt", "/srv", "/opt", "/host", "/var/tmp",
    ];
    let mut roots: BTreeSet<PathBuf> = roots.iter().map(PathBuf::from).collect();
    roots.extend([scene.workdir.clone(), scene.home.clone()]);
    roots.extend(super::written::mount_points());
    roots.remove(Path::new("/"));
    let mut found = Vec::new();
    for root in roots {
        walk(&root, FILES, &mut |path| {
            if is_foreign(path, &own) {
                found.push(format!("`{}` {}", path.display(), answer(path)));
            }
        });
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        stopped("no socket of anybody outside")
    } else {
        through(found.join(", "))
    }
}

/// Tells whether a path is a socket of somebody outside. The kernel lists those that were opened in
/// the bottle's own network, by the path as it was given; one without a listener leads to nobody.
fn is_foreign(path: &Path, own: &BTreeSet<String>) -> bool {
    let is_socket = fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let name = path.file_name();
    let listed = own
        .iter()
        .any(|listed| Path::new(listed).file_name() == name);
    is_socket && !listed && !is_stale(path)
}

fn is_stale(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn answer(path: &Path) -> String {
    match UnixStream::connect(path) {
        Ok(_) => "takes connections".to_owned(),
        Err(error) => format!("is there ({error})"),
    }
}

/// Without the bottle's own: names that are listed have a listener in here.
fn abstract_sockets() -> Seen {
    let host = [
        "/tmp/.X11-unix",
        "/run/systemd",
        "/org/kernel",
        "dbus",
        "containerd",
        "docker",
    ];
    let names = abstract_names();
    let found: Vec<&String> = names
        .iter()
        .filter(|name| host.iter().any(|part| name.contains(part)))
        .collect();
    if found.is_empty() {
        stopped(format!(
            "{} sockets without a file, none of the host's",
            names.len()
        ))
    } else {
        through(format!("sockets of the host: {found:?}"))
    }
}

/// The names of sockets without a file, as the kernel lists them: with an `@` before them.
pub(super) fn abstract_names() -> Vec<String> {
    let names = listed();
    let plain = names.iter().filter_map(|name| name.strip_prefix('@'));
    plain.map(str::to_owned).collect()
}

fn own_names() -> BTreeSet<String> {
    listed().into_iter().collect()
}

fn listed() -> Vec<String> {
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let names = text.lines().skip(1);
    names
        .filter_map(|line| line.split_whitespace().nth(7))
        .map(str::to_owned)
        .collect()
}

/// A socket of our own is listed and takes a connection, and the same function finds none that is foreign.
pub(super) fn control() -> Checked {
    let name = format!(
        "bottle-attack-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let found = || -> io::Result<bool> {
        let address = SocketAddr::from_abstract_name(&name)?;
        let _listener = UnixListener::bind_addr(&address)?;
        UnixStream::connect_addr(&address)?;
        Ok(listed().contains(&format!("@{name}")))
    };
    match found() {
        Ok(true) => Ok("a socket of our own is listed and takes a connection".to_owned()),
        Ok(false) => Err("a socket of our own is not listed".to_owned()),
        Err(error) => Err(format!("a socket of our own: {error}")),
    }
}
