//! `native keep`: the process that a bottle lives and dies with.
//!
//! It makes the agent's network and file system, hands the sidecar its socket, starts the agent's first
//! process, and stays: it ends everything when the launcher ends, unless the bottle was detached, and
//! when it is told to. When it is killed, the kernel ends what it started.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, bail};
use bottle_contract::control::Reply;
use bottle_contract::guest::Provisioned;
use bottle_contract::id::BottleId;
use bottle_contract::native::{AGENT_LOG, EXIT, Ids, Process, SIDECAR_LOG, Start, Started};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::UnshareFlags;

use super::groups::Membership;
use super::ids::{self, Standing};
use super::output::Output;
use super::root::{self, Owner, Sources};
use super::watch::{Kept, watch};
use super::{channel, loopback, mounts, processes, program};
use crate::guest::input;

/// Makes a bottle, says so on standard output, and keeps it until its end.
pub(super) fn keep(words: &[OsString]) -> anyhow::Result<()> {
    let [parent, ..] = words else {
        bail!("`keep` needs the process that starts it");
    };
    // As long as the bottle is made, it ends with whoever waits for the answer.
    ids::bound_to(parent)?;
    let start: Start = input::read(std::io::stdin().lock())?;
    rustix::process::setsid().context("cannot leave the launcher's session")?;
    let launcher = processes::open(start.launcher)?.context("the launcher has ended")?;
    let files = Files::open(&start.folder, &start.groups)?;
    let sources = Sources::find(&start.agent)?;
    let sidecar = Sidecar::start(&start, files.sidecar)?;
    let (output, writer) = std::io::pipe().context("cannot make a pipe")?;
    let id = start.sidecar.id.clone();
    let place = make_place(start, &sources, sidecar)?;
    let agent = Agent::start(&id, writer, files.groups)?;
    let started = Started {
        keeper: place.keeper,
        agent: agent.process,
        sidecar: place.sidecar.process,
        guard: place.sidecar.guard_process,
        provisioned: place.provisioned,
    };
    set_parent_process_death_signal(None).context("cannot stay alone")?;
    answer(&started)?;
    watch(Kept {
        launcher,
        guard: place.sidecar.guard,
        channel: place.sidecar.channel,
        agent: agent.child,
        word: agent.word,
        output: Output::new(output, files.agent),
        exit: files.exit,
    })
}

/// Files of the host's, opened before its file system is left.
struct Files {
    agent: File,
    sidecar: File,
    exit: File,
    groups: Vec<Membership>,
}

impl Files {
    fn open(folder: &Path, groups: &[PathBuf]) -> anyhow::Result<Self> {
        let open = |name: &str| {
            let path = folder.join(name);
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .with_context(|| format!("cannot open `{}`", path.display()))
        };
        Ok(Self {
            agent: open(AGENT_LOG)?,
            sidecar: open(SIDECAR_LOG)?,
            exit: open(EXIT)?,
            groups: groups
                .iter()
                .map(|group| Membership::open(group))
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

/// The sidecar, which does not serve yet.
struct Sidecar {
    guard: Child,
    channel: UnixStream,
}

/// The sidecar, which serves.
struct Serving {
    guard: Child,
    channel: UnixStream,
    process: Process,
    guard_process: Process,
}

impl Sidecar {
    fn start(start: &Start, log: File) -> anyhow::Result<Self> {
        let (channel, theirs) = UnixStream::pair().context("cannot make a channel")?;
        let mut command = program::here("guard");
        command
            .arg(std::process::id().to_string())
            .arg(start.sidecar.id.as_str())
            .arg(&start.audit_dir);
        if let Some(resolver) = start.resolver {
            command.arg(resolver.to_string());
        }
        let guard = command
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the sidecar")?;
        Ok(Self { guard, channel })
    }

    /// Learns the sidecar's number, while the host's `/proc` is still to be seen.
    fn identify(mut self) -> anyhow::Result<Serving> {
        let output = self
            .guard
            .stdout
            .take()
            .context("the guard has no output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .context("cannot read the sidecar's number")?;
        let pid = line
            .trim()
            .parse()
            .context("the sidecar could not be started: its log says why")?;
        Ok(Serving {
            process: identify(pid)?,
            guard_process: identify(self.guard.id())?,
            guard: self.guard,
            channel: self.channel,
        })
    }
}

/// Where the agent will be.
struct Place {
    keeper: Process,
    sidecar: Serving,
    provisioned: Provisioned,
}

/// Enters the namespaces that are the agent's, and fills them.
fn make_place(start: Start, sources: &Sources, sidecar: Sidecar) -> anyhow::Result<Place> {
    let user = start.agent.user;
    let standing = Standing::own();
    let owner: Owner = match standing {
        Standing::Root => (user.host_uid, user.host_gid),
        Standing::User => {
            ids::enter_new(user)?;
            (user.uid, user.gid)
        }
    };
    let flags =
        UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    ids::unshare(flags).context("cannot make namespaces for the agent")?;
    rustix::system::sethostname(b"bottle").context("cannot name the bottle")?;
    let listener = loopback::open()?;
    mounts::begin(owner)?;
    let sidecar = sidecar.identify()?;
    let reply = channel::hand_over(&sidecar.channel, listener, &start.sidecar)?;
    let mut provision = start.provision;
    provision.ca = match reply {
        Reply::Ready { ca, .. } => ca,
        Reply::Error { message } => bail!("the sidecar refused its configuration: {message}"),
        other @ (Reply::Ca { .. }
        | Reply::Routes { .. }
        | Reply::Stats { .. }
        | Reply::AuditHead { .. }) => {
            bail!("the sidecar gave an answer that does not fit: {other:?}")
        }
    };
    let provisioned = root::write(&start.agent, &start.roots, provision)?;
    root::lay(&start.agent, owner, sources)?;
    let keeper = identify(std::process::id())?;
    mounts::finish()?;
    confine(user, standing)?;
    Ok(Place {
        keeper,
        sidecar,
        provisioned,
    })
}

/// Leaves what is left of root's own, and gets ready for the agent's first process.
fn confine(user: Ids, standing: Standing) -> anyhow::Result<()> {
    if standing == Standing::Root {
        ids::become_on_host(user)?;
        // The change of users undid it.
        set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be bound")?;
        ids::enter_new(user)?;
        // Owned by the namespace of users, in which nothing that was mounted before can be changed.
        ids::unshare(UnshareFlags::NEWNS).context("cannot make a namespace of mounts")?;
    }
    ids::unshare(UnshareFlags::NEWPID | UnshareFlags::NEWCGROUP)
        .context("cannot make a namespace of processes")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot hide its memory")
}

/// Reads when a process was started, from the host's `/proc` where that lies at this moment.
fn identify(pid: u32) -> anyhow::Result<Process> {
    let before = Path::new(mounts::OLD).join("proc");
    let proc = if before.is_dir() {
        before
    } else {
        "/proc".into()
    };
    processes::identify_in(&proc, pid)
}

/// The agent's first process.
struct Agent {
    child: Child,
    process: Process,
    /// Tells the status that the agent's command ended with.
    word: UnixStream,
}

impl Agent {
    fn start(
        id: &BottleId,
        output: std::io::PipeWriter,
        groups: Vec<Membership>,
    ) -> anyhow::Result<Self> {
        // It has to mount `/proc`, and gives everything up after that.
        ids::keep_through_start()?;
        let (mut word, theirs) = UnixStream::pair().context("cannot make a channel")?;
        let mut command = program::inside("init");
        command
            .arg(id.as_str())
            .stdin(OwnedFd::from(theirs))
            .stdout(output.try_clone().context("cannot share a pipe")?)
            .stderr(output);
        let child = command
            .spawn()
            .context("cannot start the agent's first process")?;
        let process = identify(child.id())?;
        // Before it has started anything: what it starts will be where it is.
        for group in groups {
            group.take_in(child.id())?;
        }
        // It holds the other end, whose end is to be noticed.
        drop(command);
        word.write_all(b"\n")
            .context("the agent's first process ended at once")?;
        Ok(Self {
            child,
            process,
            word,
        })
    }
}

/// Answers the launcher, and lets go of its streams.
fn answer(started: &Started) -> anyhow::Result<()> {
    input::write(std::io::stdout().lock(), started)?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .context("cannot open `/dev/null`")?;
    rustix::stdio::dup2_stdin(&null).context("cannot close its input")?;
    rustix::stdio::dup2_stdout(&null).context("cannot close its output")?;
    rustix::stdio::dup2_stderr(&null).context("cannot close its output")
}
