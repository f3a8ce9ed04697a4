//! The backend: the calls of the static binary, and what is read of a bottle without any call.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bottle_contract::id::{BottleId, Role};
use bottle_contract::native::{COMPLAINT, CONTROL, GROUP};

use super::folder::{Folder, Made, Processes, is_alive};
use super::{group, launch, plan, probe};
use crate::backends::backend::{
    Backend, BackendError, Consumer, Follow, Ground, Home, Probe, Producer, Progress, Woken,
};
use crate::backends::request::{ExecOptions, LaunchRequest, Launched, Plan, Snapshot, Terminal};
use crate::machine::Machine;
use crate::process::{self, Invocation};
use crate::state::{Observed, ResourceKind};

/// Its name.
pub(super) const NAME: &str = "native";
/// How long a copy in or out may take.
const COPY: Duration = Duration::from_mins(30);
/// How long a call may take that does no more than tell or end processes: the binary itself gives an
/// agent five seconds, and what was killed ten.
const CALL: Duration = Duration::from_mins(1);
/// How long the sidecar may take to answer; it does within milliseconds on an idle machine.
const ANSWER: Duration = Duration::from_secs(30);

/// Bottles of namespaces.
#[derive(Debug)]
pub struct Native {
    machine: Arc<Machine>,
    /// Where the folders of its bottles lie; `None` where this user has no place for them.
    all: Option<PathBuf>,
}

impl Native {
    /// Makes the backend; its bottles are remembered in a folder, which need not be there.
    pub fn new(machine: Arc<Machine>, all: Option<PathBuf>) -> Self {
        Self { machine, all }
    }

    fn all(&self) -> Result<&Path, BackendError> {
        if let Some(problem) = probe::unfit(self.machine.facts()) {
            return Err(BackendError::Unusable {
                backend: NAME,
                problems: vec![problem],
            });
        }
        self.all.as_deref().ok_or_else(|| {
            let source = anyhow!("there is no folder for what is remembered of bottles");
            step("state", source)
        })
    }

    /// Returns the folder of a bottle and what was made.
    fn find(&self, id: &BottleId) -> Result<Option<(Folder, Made)>, BackendError> {
        let folder = Folder::new(self.all()?, id);
        let made = folder.read().map_err(|error| step("list", error))?;
        Ok(made.map(|made| (folder, made)))
    }

    fn running(&self, id: &BottleId) -> Result<(Made, Processes), BackendError> {
        let found = self.find(id)?.and_then(|(_, made)| {
            let processes = made.processes?;
            Some((made, processes))
        });
        found.ok_or_else(|| step("list", anyhow!("the bottle `{id}` is not there")))
    }

    /// Names the call of the guest in a bottle.
    fn call_of_guest(
        &self,
        id: &BottleId,
        terminal: Terminal,
        words: &[&str],
    ) -> Result<Invocation, BackendError> {
        let (made, processes) = self.running(id)?;
        Ok(guest_call(&made, &processes, terminal, words))
    }
}

impl Backend for Native {
    fn name(&self) -> &'static str {
        NAME
    }

    fn home(&self) -> Home {
        match probe::unfit(self.machine.facts()) {
            Some(_) => Home::Elsewhere,
            None => Home::Anywhere,
        }
    }

    fn ground(&self) -> Ground {
        Ground::Host
    }

    fn probe(&self) -> Probe {
        probe::probe(probe::Machine {
            root: Path::new("/"),
            uid: rustix::process::geteuid().as_raw(),
            facts: self.machine.facts(),
        })
    }

    fn start_call(&self) -> Option<Invocation> {
        None
    }

    fn plan(&self, request: &LaunchRequest) -> Result<Plan, BackendError> {
        plan::plan(request)
    }

    fn launch(
        &self,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError> {
        plan::check(request)?;
        let folder = Folder::new(self.all()?, &request.labels.id);
        let facts = self.machine.facts();
        launch::launch(request, facts, &folder, progress).map_err(|first| {
            hand_over_logs(&folder, progress);
            match self.remove(&request.labels.id) {
                Ok(()) => first,
                Err(error) => BackendError::Undo {
                    first: Box::new(first),
                    undo: vec![format!("{:#}", anyhow!(error))],
                },
            }
        })
    }

    fn relaunch(
        &self,
        request: &LaunchRequest,
        _progress: &dyn Progress,
    ) -> Result<Launched, BackendError> {
        Err(BackendError::Refused {
            what: format!(
                "`{}` cannot start again: what a native bottle's agent writes lies in memory, and goes when its processes end",
                request.labels.id
            ),
            hint: "run a new one; on an engine, `run --detach --keep` makes one that can: `--backend docker`"
                .to_owned(),
        })
    }

    fn guest(&self, id: &BottleId, words: &[&str]) -> Result<Invocation, BackendError> {
        self.call_of_guest(id, Terminal::Streams, words)
    }

    fn wake(&self, id: &BottleId) -> Result<Woken, BackendError> {
        let made = self.find(id)?.map(|(_, made)| made);
        let agent = made.and_then(|made| Some(made.processes?.agent));
        Ok(match agent {
            Some(agent) if is_alive(agent) => Woken::Before,
            Some(_) | None => Woken::Never,
        })
    }

    fn start_detached(&self, id: &BottleId) -> Result<(), BackendError> {
        let (made, processes) = self.running(id)?;
        call(&made, "detach", &[processes.keeper]).map_err(|error| step("agent", error))
    }

    fn exec(&self, options: &ExecOptions) -> Result<Invocation, BackendError> {
        if self
            .find(&options.id)?
            .is_some_and(|(folder, _)| folder.exit().is_some())
        {
            let ended = anyhow!("the agent of `{}` has ended", options.id);
            return Err(step("exec", ended));
        }
        let mut words = vec!["exec"];
        words.extend(options.argv.iter().map(String::as_str));
        self.call_of_guest(&options.id, options.terminal, &words)
    }

    fn logs(&self, id: &BottleId, role: Role, follow: Follow) -> Result<Invocation, BackendError> {
        let (folder, made) = self
            .find(id)?
            .ok_or_else(|| step("logs", anyhow!("the bottle `{id}` is not there")))?;
        let mut words: Vec<OsString> =
            vec!["native".into(), "logs".into(), folder.log(role).into()];
        if follow == Follow::Yes {
            words.push("follow".into());
        }
        Ok(Invocation::new(made.binary, words))
    }

    fn runs(&self, id: &BottleId, role: Role) -> Result<bool, BackendError> {
        let found = self.find(id)?;
        Ok(found.is_some_and(|(folder, made)| runs(&made, &folder, role)))
    }

    fn control(&self, id: &BottleId, line: &str) -> Result<String, BackendError> {
        let (_, processes) = self.running(id)?;
        ask(&processes, line).map_err(|error| step("control", error))
    }

    fn copy_in(&self, id: &BottleId, folder: &str, tar: Producer) -> Result<(), BackendError> {
        let invocation = self.call_of_guest(id, Terminal::Streams, &["tar-in", folder])?;
        process::feed(&invocation, COPY, tar)
            .map_err(Into::into)
            .and_then(|captured| checked("copy into the bottle", &captured))
            .map_err(|error| step("copy", error))
    }

    fn copy_out(&self, id: &BottleId, path: &str, tar: Consumer) -> Result<(), BackendError> {
        let invocation = self.call_of_guest(id, Terminal::Streams, &["tar-out", path])?;
        let copied = process::drain(&invocation, COPY, tar)
            .map_err(anyhow::Error::from)
            .and_then(|drained| {
                checked("copy out of the bottle", &drained.captured)?;
                drained
                    .value
                    .context("could not unpack what the bottle sent")
            });
        copied.map_err(|error| step("copy", error))
    }

    fn list(&self) -> Result<Vec<Observed>, BackendError> {
        let folders = Folder::list(self.all()?)
            .context("could not list the bottles")
            .map_err(|error| step("list", error))?;
        let mut observed = Vec::new();
        for folder in folders {
            let made = folder.read().map_err(|error| step("list", error))?;
            observed.extend(made.iter().flat_map(|made| observe(made, &folder)));
        }
        Ok(observed)
    }

    fn stop(&self, id: &BottleId) -> Result<(), BackendError> {
        let Some((_, made)) = self.find(id)? else {
            return Ok(());
        };
        let Some(Processes {
            keeper,
            agent,
            sidecar,
            guard,
        }) = made.processes
        else {
            return Ok(());
        };
        call(&made, "stop", &[keeper, agent, sidecar, guard]).map_err(|error| step("stop", error))
    }

    fn snapshot(
        &self,
        id: &BottleId,
        _snapshot: &Snapshot,
        _progress: &dyn Progress,
    ) -> Result<(), BackendError> {
        Err(BackendError::Refused {
            what: format!("no snapshot can be taken of `{id}`: this backend has no images"),
            hint: "`bottle cp` copies files out of it".to_owned(),
        })
    }

    fn remove_image(&self, _image: &str) -> Result<(), BackendError> {
        // It makes none, so none is there.
        Ok(())
    }

    fn remove(&self, id: &BottleId) -> Result<(), BackendError> {
        let folder = Folder::new(self.all()?, id);
        let remove = || {
            if let Some(made) = folder.read()? {
                if let Some(processes) = made.processes {
                    let all = [processes.keeper, processes.sidecar, processes.guard];
                    if all.into_iter().any(is_alive) {
                        call(&made, "end", &all)?;
                    }
                }
                group::remove(&made.groups)?;
            }
            folder.remove()
        };
        remove().map_err(|error| step("remove", error))
    }
}

/// Names the call of the guest in a bottle.
pub(super) fn guest_call(
    made: &Made,
    processes: &Processes,
    terminal: Terminal,
    words: &[&str],
) -> Invocation {
    let user = format!("{}:{}", made.user.uid, made.user.gid);
    let connected = match terminal {
        Terminal::Attached => "terminal",
        Terminal::Streams => "streams",
    };
    let process = processes.agent.to_string();
    let groups = made.groups.iter().map(|group| {
        let mut word = OsString::from(GROUP);
        word.push(group);
        word
    });
    let mut all: Vec<OsString> = ["native", "exec", &process, &user]
        .map(OsString::from)
        .to_vec();
    all.extend(groups);
    all.push(connected.into());
    all.extend(words.iter().map(OsString::from));
    Invocation::new(&made.binary, all)
}

/// Makes a call of the static binary that does something to processes.
fn call(made: &Made, role: &str, processes: &[impl fmt::Display]) -> anyhow::Result<()> {
    let mut words = vec!["native".to_owned(), role.to_owned()];
    words.extend(processes.iter().map(ToString::to_string));
    let captured = process::run(&Invocation::new(&made.binary, words), CALL)?;
    checked(&format!("{role} the bottle"), &captured)
}

/// Says what a call said that failed.
pub(super) fn checked(doing: &str, captured: &process::Captured) -> anyhow::Result<()> {
    if captured.success() {
        return Ok(());
    }
    let words = captured.stderr_text();
    let words = words.trim();
    let words = words.strip_prefix(COMPLAINT).unwrap_or(words);
    bail!("could not {doing} (status {}): {words}", captured.status)
}

/// Asks the sidecar through its socket, which lies in its own root.
fn ask(processes: &Processes, line: &str) -> anyhow::Result<String> {
    let sidecar = processes.sidecar;
    if !is_alive(sidecar) {
        bail!("the sidecar has ended");
    }
    let root = PathBuf::from(format!("/proc/{}/root", sidecar.pid));
    let socket = root.join(CONTROL.trim_start_matches('/'));
    let mut stream = UnixStream::connect(&socket).context("could not reach the sidecar")?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream
        .write_all(format!("{line}\n").as_bytes())
        .context("could not ask the sidecar")?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .context("the sidecar gave no answer")?;
    // Its number may have become another's before the socket was opened.
    if !is_alive(sidecar) || answer.is_empty() {
        bail!("the sidecar has ended");
    }
    Ok(answer.trim_end().to_owned())
}

/// The agent's first process outlives its command, so that the agent's files can still be had.
fn runs(made: &Made, folder: &Folder, role: Role) -> bool {
    let Some(processes) = made.processes else {
        return false;
    };
    match role {
        Role::Agent => is_alive(processes.agent) && folder.exit().is_none(),
        Role::Sidecar => is_alive(processes.sidecar),
        Role::Internal | Role::Egress | Role::Image => false,
    }
}

fn observe(made: &Made, folder: &Folder) -> Vec<Observed> {
    let observed = |role| {
        let running = runs(made, folder, role);
        Observed {
            id: made.id.clone(),
            role,
            kind: ResourceKind::Container,
            name: made.id.resource(role),
            running,
            exit: (role == Role::Agent && !running)
                .then(|| folder.exit())
                .flatten(),
            backend: NAME.to_owned(),
            owner: made.owner.clone(),
            created: Some(made.created.clone()),
        }
    };
    [Role::Agent, Role::Sidecar].map(observed).to_vec()
}

/// Whatever was printed: a launch that failed early has no logs.
fn hand_over_logs(folder: &Folder, progress: &dyn Progress) {
    for role in [Role::Sidecar, Role::Agent] {
        let read = std::fs::read(folder.log(role)).unwrap_or_default();
        if !read.is_empty() {
            progress.log(role, &read);
        }
    }
}

pub(super) fn step(phase: &'static str, source: anyhow::Error) -> BackendError {
    BackendError::Step {
        phase,
        source,
        hint: None,
    }
}
