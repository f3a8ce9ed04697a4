//! The one backend of all container engines.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::guest;
use bottle_contract::id::{BottleId, Role};
use bottle_contract::secret::Secret;

use super::again;
use super::around;
use super::capabilities::Capabilities;
use super::engine::{Engine, Located};
use super::error::EngineError;
use super::images::{self, Workshop};
use super::listing;
use super::mounts;
use super::phases::{Fresh, Scene, Standing, step, step_any};
use super::plan::{self, LaunchPlan};
use super::probe;
use super::record::EngineInfo;
use super::request::{ExecSpec, LogsUntil, Request, Streams};
use super::sidecar::control_line;
use super::sketch;
use super::snapshot;
use crate::backends::around::Around;
use crate::backends::backend::{
    Backend, BackendError, Consumer, Follow, Ground, Home, Probe, Producer, Progress, Woken,
};
use crate::backends::request::{ExecOptions, LaunchRequest, Launched, Plan, Snapshot, Terminal};
use crate::process::{self, Captured, Input, Invocation};
use crate::state::Observed;

/// How long a copy in or out may take.
const COPY: Duration = Duration::from_mins(30);
/// How long logs may take to read after a failure.
const LOGS: Duration = Duration::from_secs(10);
/// How long an agent may take to end when it is asked to, in seconds.
const STOP_SECONDS: u32 = 5;

/// A container engine as a backend.
#[derive(Debug)]
pub struct Containers {
    engine: Engine,
    /// What the engine said when it was first asked: it does not change while bottle runs.
    info: OnceLock<EngineInfo>,
}

impl Containers {
    /// Makes a backend of an engine.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            info: OnceLock::new(),
        }
    }

    fn located(&self) -> Result<Located, BackendError> {
        let dialect = self.engine.dialect();
        let unusable = |problem| BackendError::Unusable {
            backend: dialect.name(),
            problems: vec![problem],
        };
        if let Some(problem) = dialect.unfit(self.engine.facts()) {
            return Err(unusable(problem));
        }
        self.engine
            .locate()
            .map_err(|error| unusable(probe::not_installed(dialect, &error)))
    }

    /// Says what the engine can do, which it is asked once.
    fn capabilities(&self, engine: &Located) -> Result<Capabilities, BackendError> {
        let info = match self.info.get() {
            Some(info) => info.clone(),
            None => engine
                .version()
                .and_then(|version| engine.info(version))
                .map_err(|error| step("engine", error))?,
        };
        Ok(probe::capabilities(&self.engine, &info))
    }

    fn steps(
        &self,
        engine: &Located,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError> {
        let can = self.capabilities(engine)?;
        plan::check_before_images(request, &can)?;
        for open in mounts::left_open(request, &can) {
            progress.warn(&open);
        }
        progress.check()?;
        progress.phase("image");
        let workshop = Workshop {
            engine,
            can: &can,
            request,
            progress,
        };
        let images = images::ensure(workshop).map_err(|error| match progress.check() {
            Err(interrupted) => interrupted.into(),
            Ok(()) => step_any("image", error),
        })?;
        let plan = LaunchPlan::new(request, &can, &images)?;
        let scene = Scene {
            engine,
            request,
            plan: &plan,
            can: &can,
            facts: self.engine.facts(),
            progress,
            standing: Standing::New,
        };
        let sealed = Fresh::new(scene).networked()?.guarded()?.sealed()?;
        Ok(sealed.launched())
    }
}

impl Backend for Containers {
    fn name(&self) -> &'static str {
        self.engine.dialect().name()
    }

    fn home(&self) -> Home {
        self.engine.dialect().home(self.engine.facts())
    }

    fn ground(&self) -> Ground {
        Ground::Image
    }

    fn probe(&self) -> Probe {
        let (probe, info) = probe::probe(&self.engine);
        if let Some(info) = info {
            // A second probe saw the same engine.
            self.info.set(info).ok();
        }
        probe
    }

    fn start_call(&self) -> Option<Invocation> {
        if !self.engine.dialect().starts_by_call() {
            return None;
        }
        let located = self.engine.usable()?;
        Some(located.invocation(&Request::StartEngine))
    }

    fn plan(&self, request: &LaunchRequest) -> Result<Plan, BackendError> {
        sketch::plan(&self.engine, request)
    }

    fn launch(
        &self,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError> {
        let engine = self.located()?;
        self.steps(&engine, request, progress).map_err(|first| {
            hand_over_logs(&engine, &request.labels.id, progress);
            match remove_all(&engine, &request.labels.id) {
                Ok(()) => first,
                Err(errors) => BackendError::Undo {
                    first: Box::new(first),
                    undo: errors
                        .iter()
                        .map(|error| format!("{:#}", anyhow!("{error}")))
                        .collect(),
                },
            }
        })
    }

    fn relaunch(
        &self,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError> {
        let engine = self.located()?;
        let id = &request.labels.id;
        // An earlier try may have died with the agent's container idling.
        self.stop(id)?;
        let can = self.capabilities(&engine)?;
        again::launch(&engine, request, &can, self.engine.facts(), progress).map_err(|first| {
            hand_over_logs(&engine, id, progress);
            match self.stop(id) {
                Ok(()) => first,
                Err(error) => BackendError::Undo {
                    first: Box::new(first),
                    undo: vec![format!("{:#}", anyhow!(error))],
                },
            }
        })
    }

    fn guest(&self, id: &BottleId, words: &[&str]) -> Result<Invocation, BackendError> {
        let spec = guest_call(id, Streams::InputOutput, words);
        Ok(self.located()?.invocation(&Request::Exec(spec)))
    }

    fn wake(&self, id: &BottleId) -> Result<Woken, BackendError> {
        let container = id.resource(Role::Agent);
        self.located()?
            .perform("start the agent's container", &Request::Start(container))
            .map_err(|error| step("wake", error))?;
        Ok(Woken::Now)
    }

    fn start_detached(&self, id: &BottleId) -> Result<(), BackendError> {
        let spec = guest_call(id, Streams::Output, &["go"]);
        self.located()?
            .perform("start the agent's command", &Request::Exec(spec))
            .map_err(|error| step("agent", error))
    }

    fn exec(&self, options: &ExecOptions) -> Result<Invocation, BackendError> {
        let streams = match options.terminal {
            Terminal::Attached => Streams::Terminal,
            Terminal::Streams => Streams::InputOutput,
        };
        let mut spec = guest_call(&options.id, streams, &["exec"]);
        spec.argv.extend(options.argv.iter().cloned());
        Ok(self.located()?.invocation(&Request::Exec(spec)))
    }

    fn logs(&self, id: &BottleId, role: Role, follow: Follow) -> Result<Invocation, BackendError> {
        let until = match follow {
            Follow::No => LogsUntil::Now,
            Follow::Yes => LogsUntil::End,
        };
        Ok(self.located()?.invocation(&Request::Logs {
            container: id.resource(role),
            until,
        }))
    }

    fn runs(&self, id: &BottleId, role: Role) -> Result<bool, BackendError> {
        let found = self.located()?.container(&id.resource(role));
        let record = found.map_err(|error| step("list", error))?;
        Ok(record.is_some_and(|record| record.running))
    }

    fn around(&self, id: &BottleId) -> Result<Around, BackendError> {
        let engine = self.located()?;
        let can = self.capabilities(&engine)?;
        around::around(&engine, &can, id).map_err(|error| step_any("list", error))
    }

    fn control(&self, id: &BottleId, line: &str) -> Result<String, BackendError> {
        let input = Input::Secret(Secret::new(format!("{line}\n")));
        control_line(&self.located()?, &id.resource(Role::Sidecar), input)
            .map_err(|error| step_any("control", error))
    }

    fn copy_in(&self, id: &BottleId, folder: &str, tar: Producer) -> Result<(), BackendError> {
        let engine = self.located()?;
        let invocation = engine.invocation(&Request::Exec(guest_call(
            id,
            Streams::InputOutput,
            &["tar-in", folder],
        )));
        let doing = "copy into the bottle";
        let copied = process::feed(&invocation, COPY, tar)
            .context(doing)
            .and_then(|captured| Ok(engine.checked(doing, &invocation, captured)?));
        copied.map(drop).map_err(|error| step_any("copy", error))
    }

    fn copy_out(&self, id: &BottleId, path: &str, tar: Consumer) -> Result<(), BackendError> {
        let engine = self.located()?;
        let invocation = engine.invocation(&Request::Exec(guest_call(
            id,
            Streams::Output,
            &["tar-out", path],
        )));
        let doing = "copy out of the bottle";
        let copied = process::drain(&invocation, COPY, tar)
            .context(doing)
            .and_then(|drained| {
                engine.checked(doing, &invocation, drained.captured)?;
                drained
                    .value
                    .context("could not unpack what the bottle sent")
            });
        copied.map_err(|error| step_any("copy", error))
    }

    fn list(&self) -> Result<Vec<Observed>, BackendError> {
        listing::list(&self.located()?, self.name()).map_err(|error| step("list", error))
    }

    fn stop(&self, id: &BottleId) -> Result<(), BackendError> {
        let engine = self.located()?;
        for role in [Role::Agent, Role::Sidecar] {
            let stop = Request::Stop {
                container: id.resource(role),
                seconds: STOP_SECONDS,
            };
            let name = id.resource(role);
            engine
                .remove(&format!("stop the {role}"), &stop, || {
                    Ok(engine.container(&name)?.is_some())
                })
                .map_err(|error| step("stop", error))?;
        }
        Ok(())
    }

    fn snapshot(
        &self,
        id: &BottleId,
        snapshot: &Snapshot,
        progress: &dyn Progress,
    ) -> Result<(), BackendError> {
        let engine = self.located()?;
        let can = self.capabilities(&engine)?;
        snapshot::take(&engine, &can, id, snapshot, progress).map_err(|error| {
            match progress.check() {
                Err(interrupted) => interrupted.into(),
                Ok(()) => step_any("snapshot", error),
            }
        })
    }

    fn remove_image(&self, image: &str) -> Result<(), BackendError> {
        let engine = self.located()?;
        let remove = Request::RemoveImage(image.to_owned());
        engine
            .remove(&format!("remove the image `{image}`"), &remove, || {
                Ok(engine.image(image)?.is_some())
            })
            .map_err(|error| step("remove", error))
    }

    fn remove(&self, id: &BottleId) -> Result<(), BackendError> {
        remove_all(&self.located()?, id).map_err(|errors| {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            step_any("remove", anyhow!("{}", text.join("; ")))
        })
    }
}

/// Whatever can still be had: a launch that failed early has no containers, and no logs.
fn hand_over_logs(engine: &Located, id: &BottleId, progress: &dyn Progress) {
    for role in [Role::Sidecar, Role::Agent] {
        let logs = Request::Logs {
            container: id.resource(role),
            until: LogsUntil::Now,
        };
        let read = process::skim(&engine.invocation(&logs), LOGS);
        if let Some(captured) = read.ok().filter(Captured::success) {
            progress.log(role, &[captured.stdout, captured.stderr].concat());
        }
    }
}

fn guest_call(id: &BottleId, streams: Streams, words: &[&str]) -> ExecSpec {
    let argv = [guest::GUEST]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect();
    ExecSpec {
        container: id.resource(Role::Agent),
        user: None,
        streams,
        argv,
    }
}

/// Removes all that bears the names of a bottle: containers first, since a network in use cannot go.
fn remove_all(engine: &Located, id: &BottleId) -> Result<(), Vec<EngineError>> {
    let mut errors = remove_pair([Role::Agent, Role::Sidecar], |role| {
        let name = id.resource(role);
        let request = Request::RemoveContainer(name.clone());
        engine.remove(&format!("remove the container `{name}`"), &request, || {
            Ok(engine.container(&name)?.is_some())
        })
    });
    errors.extend(remove_pair([Role::Internal, Role::Egress], |role| {
        let name = id.resource(role);
        let request = Request::RemoveNetwork(name.clone());
        engine.remove(&format!("remove the network `{name}`"), &request, || {
            Ok(!engine.networks(std::slice::from_ref(&name))?.is_empty())
        })
    }));
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn remove_pair(
    roles: [Role; 2],
    remove: impl Fn(Role) -> Result<(), EngineError> + Sync,
) -> Vec<EngineError> {
    thread::scope(|scope| {
        let calls = roles.map(|role| {
            let remove = &remove;
            scope.spawn(move || remove(role).err())
        });
        calls
            .into_iter()
            .filter_map(|call| call.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}
