//! `native guard` and `native serve`: the sidecar's own confinement, on the host's network.

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use bottle_contract::native::Ids;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::UnshareFlags;

use super::channel::{self, Handed};
use super::ids::{self, Standing};
use super::mounts::{self, Use};
use super::{filter, landlock, program};
use crate::guest::files;

/// Where the program lies in the sidecar's root.
const PROGRAM: &str = "/bottle-sidecar";
/// The number that the sidecar has in its namespace, where root would be 0.
const OWN: u32 = 1;
/// What the system's resolver reads.
const NAMES: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/// Makes the sidecar's place, starts the sidecar there and says its number; ends when that ends.
pub(super) fn guard(words: &[OsString]) -> anyhow::Result<u8> {
    let [keeper, id, audit, resolver @ ..] = words else {
        bail!("`guard` needs its keeper, the bottle and the folder of the audit log");
    };
    let audit = Path::new(audit)
        .canonicalize()
        .context("cannot find the folder of the audit log")?;
    let names = names(resolver.first())?;
    let own = std::env::current_exe().context("cannot find this program")?;
    enter()?;
    ids::bound_to(keeper)?;
    build(&audit, &own, &names)?;
    ids::bound()?;
    let mut child = program::named(PROGRAM, "serve")
        .arg(id)
        .stdin(Stdio::inherit())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the sidecar")?;
    say(child.id())?;
    let status = child.wait().context("cannot wait for the sidecar")?;
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    Ok(status
        .code()
        .or(signal)
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

/// Confines this process, which is the sidecar, and takes what the keeper hands over.
pub(super) fn prepare() -> anyhow::Result<Handed> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be bound to its guard")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot hide its memory")?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).context("cannot forbid dumps of its memory")?;
    ids::give_up()?;
    landlock::apply()?;
    let channel = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot open its channel")?;
    let handed = channel::take(UnixStream::from(channel))?;
    filter::apply()?;
    Ok(handed)
}

/// Reads what names are resolved by, before the host's files are out of sight.
fn names(resolver: Option<&OsString>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut found = Vec::new();
    for path in NAMES {
        let bytes = match resolver {
            Some(resolver) if path == "/etc/resolv.conf" => {
                Some(format!("nameserver {}\n", resolver.display()).into_bytes())
            }
            Some(_) | None => files::read_if_there(Path::new(path), super::limits::ETC_BYTES)?,
        };
        found.extend(bytes.map(|bytes| (path, bytes)));
    }
    Ok(found)
}

/// Enters namespaces of its own; the network stays the host's.
fn enter() -> anyhow::Result<()> {
    let ids = Ids {
        uid: OWN,
        gid: OWN,
        host_uid: rustix::process::geteuid().as_raw(),
        host_gid: rustix::process::getegid().as_raw(),
    };
    if Standing::own() == Standing::Root {
        rustix::thread::set_thread_groups(&[]).context("cannot drop groups")?;
    }
    ids::enter_new(ids)?;
    let flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    ids::unshare(flags).context("cannot make namespaces for the sidecar")
}

/// An empty root: the program, what names are resolved by, and the folder of the audit log.
fn build(audit: &Path, own: &Path, names: &[(&'static str, Vec<u8>)]) -> anyhow::Result<()> {
    mounts::begin((OWN, OWN))?;
    for (path, bytes) in names {
        let path = mounts::new(path);
        files::make_folders(path.parent().unwrap_or(&path))?;
        files::replace(&path, bytes, 0o644).context("cannot write the sidecar's files")?;
    }
    let program = mounts::new(PROGRAM);
    mounts::file(&program)?;
    mounts::share(&mounts::old(own), &program, Use::Read)?;
    let folder = mounts::new("/audit");
    mounts::folder(&folder)?;
    mounts::share(&mounts::old(audit), &folder, Use::Data)?;
    let run = mounts::new("/run");
    mounts::folder(&run)?;
    mounts::memory(&run, "mode=700,size=64k,nr_inodes=16")?;
    mounts::limit(&run, Use::Data)?;
    let null = mounts::new("/dev/null");
    mounts::file(&null)?;
    mounts::share(&mounts::old(Path::new("/dev/null")), &null, Use::Devices)?;
    mounts::finish()
}

/// Tells the keeper the sidecar's number, and that nothing more comes.
fn say(pid: u32) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{pid}").context("cannot tell the keeper")?;
    let null = fs::OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .context("cannot open `/dev/null`")?;
    rustix::stdio::dup2_stdout(null).context("cannot close its output")
}
