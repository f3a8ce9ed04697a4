//! The launch, step by step: Fresh, Networked, Guarded, Sealed. Each step consumes the last.
//!
//! Independent calls run at the same time. The agent's container may exist early, but its
//! command is only to be had from a [`Sealed`] value, and only a check of the live network makes one.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::guest::{self, Provision, Provisioned};
use bottle_contract::probe::{ProbeReport, ProbeRequest};
use bottle_contract::secret::Secret;
use bottle_contract::tree::Lies;
use ipnet::Ipv4Net;

use super::capabilities::{Capabilities, First, Sysctls, Wall};
use super::engine::Located;
use super::error::EngineError;
use super::oracle::Oracle;
use super::plan::{LaunchPlan, is_root};
use super::record::ContainerRecord;
use super::request::{ContainerSpec, ExecSpec, Request, Streams};
use super::seal::{self, Findings, Surroundings};
use super::sidecar;
use super::subnets::Subnets;
use crate::backends::backend::{BackendError, Progress};
use crate::backends::copying::copy_in;
use crate::backends::environment;
use crate::backends::request::{LaunchRequest, Launched, RootAccess, Sharing};
use crate::machine::{Facts, networks_in_use};
use crate::process::Input;

/// How long our own programs in a container may take; they answer within milliseconds on an idle machine.
const CONTROL: Duration = Duration::from_secs(30);

/// What every step needs.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) engine: &'a Located,
    pub(super) request: &'a LaunchRequest,
    pub(super) plan: &'a LaunchPlan,
    pub(super) can: &'a Capabilities,
    pub(super) facts: &'a Facts,
    pub(super) progress: &'a dyn Progress,
    pub(super) standing: Standing,
}

/// Whether the containers and networks were made by this launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They were.
    New,
    /// They stand since an earlier one: they are connected, and the agent's files are in place.
    Before,
}

/// Nothing is made yet.
pub(super) struct Fresh<'a>(Scene<'a>);

/// Both networks are there, and both containers are created on one each.
pub(super) struct Networked<'a>(Scene<'a>);

/// The sidecar stands between the networks and serves; the agent's container idles.
pub(super) struct Guarded<'a> {
    scene: Scene<'a>,
    listen: SocketAddr,
    around: Surroundings,
    ca: String,
}

/// The agent's environment is prepared, and a probe from inside found no way out.
pub(super) struct Sealed {
    command: Vec<String>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Fresh<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        Self(scene)
    }

    /// Makes both networks, then both containers.
    pub(super) fn networked(self) -> Result<Networked<'a>, BackendError> {
        let Scene {
            engine,
            plan,
            progress,
            ..
        } = self.0;
        progress.check()?;
        progress.phase("network");
        let blocks = Mutex::new(free_blocks(self.0).map_err(|error| step_any("network", error))?);
        let block = || blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
        both(
            || engine.make_network("make the internal network", &plan.internal, &block),
            || engine.make_network("make the egress network", &plan.egress, &block),
        )
        .map_err(|error| step("network", error))?;
        progress.check()?;
        // Apple's engine unpacks an image when its container is created, which may take minutes.
        let create = |doing, spec: &ContainerSpec| {
            let request = Request::CreateContainer(Box::new(spec.clone()));
            engine.make_slowly(doing, &request, &|| progress.check().is_ok())
        };
        both(
            || create("create the sidecar", &plan.sidecar),
            || create("create the agent's container", &plan.agent),
        )
        .map_err(|error| match progress.check() {
            Err(interrupted) => interrupted.into(),
            Ok(()) => step("network", error),
        })?;
        Ok(Networked(self.0))
    }
}

/// The blocks of addresses that nobody uses: neither this machine, nor the resolvers and routes that the
/// sidecar is to reach.
fn free_blocks(scene: Scene<'_>) -> anyhow::Result<Subnets> {
    let mut used = networks_in_use().context("could not list this machine's networks")?;
    let reached = sidecar::beyond(scene, scene.facts).into_iter();
    used.extend(reached.filter_map(|to| match to.ip() {
        IpAddr::V4(v4) => Some(Ipv4Net::from(v4)),
        IpAddr::V6(_) => None,
    }));
    let request = scene.request;
    Ok(Subnets::new(&request.labels.id, request.subnets, used))
}

impl<'a> Networked<'a> {
    /// Takes what an earlier launch made.
    pub(super) fn standing(scene: Scene<'a>) -> Self {
        Self(scene)
    }

    /// Connects, starts and configures the sidecar; then the agent's container may idle beside it.
    pub(super) fn guarded(self) -> Result<Guarded<'a>, BackendError> {
        let scene = self.0;
        scene.progress.check()?;
        scene.progress.phase("sidecar");
        let start_agent = || {
            scene.engine.perform(
                "start the agent's container",
                &Request::Start(scene.plan.agent.name.clone()),
            )
        };
        let (guard, started) = match scene.can.first {
            // The agent's container idles, so that it need not wait for its guard.
            First::Anyone => join(|| guard(scene, start_sidecar(scene)?), start_agent),
            First::Sidecar => {
                let started = start_sidecar(scene)?;
                join(|| guard(scene, started), start_agent)
            }
        };
        let (listen, ca, around) = guard?;
        started.map_err(|error| step("agent", error))?;
        Ok(Guarded {
            scene,
            listen,
            around,
            ca,
        })
    }
}

fn start_sidecar(scene: Scene<'_>) -> Result<(ContainerRecord, SocketAddr), BackendError> {
    let started = sidecar::start(scene).map_err(|error| step_any("sidecar", error))?;
    scene.progress.check()?;
    Ok(started)
}

/// Configures the sidecar, and looks round from where it stands.
fn guard(
    scene: Scene<'_>,
    (container, listen): (ContainerRecord, SocketAddr),
) -> Result<(SocketAddr, String, Surroundings), BackendError> {
    let (ca, around) = join(
        || sidecar::configure(scene, listen),
        || sidecar::surroundings(scene, &container, listen),
    );
    let ca = ca.map_err(|error| step_any("sidecar", error))?;
    let around = around.map_err(|error| step_any("sidecar", error))?;
    Ok((listen, ca, around))
}

impl Guarded<'_> {
    /// Prepares the agent's environment, probes the wall from inside, and judges what it found.
    pub(super) fn sealed(self) -> Result<Sealed, BackendError> {
        let scene = self.scene;
        scene.progress.check()?;
        scene.progress.phase("seal");
        let (prepared, probed) = self.prepare_and_probe();
        // What the probe found comes first: a hole must not hide behind a failed copy.
        let findings = probed.map_err(|error| step_any("seal", error))?;
        let mut warnings = seal::accept(findings, scene.plan.host_access)?;
        if self.around.host_answers && seal::beyond(&self.around).next().is_none() {
            warnings.push("nobody beyond the host is known who would answer, so whether the engine keeps the agent from the outside was not tried: this machine's settings name no resolver".to_owned());
        }
        let provisioned = prepared.map_err(|error| step_any("agent", error))?;
        scene.progress.check()?;
        Ok(Sealed {
            command: scene.plan.command.clone(),
            warnings,
            notes: self.notes(provisioned),
        })
    }

    /// Brings in what belongs to this bottle only, and probes, all at the same time unless the probe
    /// would see what the guest is about to switch off.
    fn prepare_and_probe(&self) -> (anyhow::Result<Provisioned>, anyhow::Result<Findings>) {
        let prepared = |(provisioned, copied): (_, anyhow::Result<()>)| copied.and(provisioned);
        match self.scene.can.sysctls {
            Sysctls::Engine | Sysctls::EngineWithoutIpv6 => join(
                || prepared(join(|| self.provision(), || self.copy_workspace())),
                || self.probe_and_wall(),
            ),
            Sysctls::Inside => {
                let provisioned = self.provision();
                let (copied, probed) = join(|| self.copy_workspace(), || self.probe_and_wall());
                (prepared((provisioned, copied)), probed)
            }
        }
    }

    fn notes(&self, provisioned: Provisioned) -> Vec<String> {
        let store = provisioned
            .skipped
            .map(|why| format!("the system's trust store is left as it is: {why}"));
        let ipv6 = provisioned
            .ipv6
            .filter(|_| self.scene.can.sysctls == Sysctls::Inside)
            .map(|why| format!("IPv6 stays on in the bottle: {why}"));
        store.into_iter().chain(ipv6).collect()
    }

    /// Probes what the engine leaves open, and then closes it once more: the rule must not hide from
    /// the probe what it finds without it.
    fn probe_and_wall(&self) -> anyhow::Result<Findings> {
        let mut findings = self.probe()?;
        findings.host_access.extend(self.wall().err().map(|error| {
            format!("the agent's packets cannot be kept from the host's bridge: {error:#}")
        }));
        Ok(findings)
    }

    /// Lays a rule on the agent's network, with a capability that the agent never has.
    fn wall(&self) -> anyhow::Result<()> {
        let Scene { engine, plan, .. } = self.scene;
        if plan.wall == Wall::Nobody {
            return Ok(());
        }
        let mut spec = guest_call(&plan.agent.name, "wall", Some("0:0"));
        spec.streams = Streams::Output;
        spec.argv.push(self.listen.ip().to_string());
        engine.perform(
            "keep the agent's packets in",
            &Request::ExecPrivileged(spec),
        )?;
        Ok(())
    }

    fn provision(&self) -> anyhow::Result<Provisioned> {
        let Scene {
            engine,
            request,
            plan,
            ..
        } = self.scene;
        let provision = Provision {
            ca: self.ca.clone(),
            env: environment::stamped(request, self.listen),
            prompt: request.prompt.clone(),
            canary: request.sidecar.dlp.canary.clone(),
            workdir: request.workdir.clone(),
            command: plan.command.clone(),
            processes: plan.processes,
            timeout: request.timeout.map(|time| time.as_secs()),
        };
        let spec = guest_call(&plan.agent.name, "provision", Some("0:0"));
        let captured = engine.exec(
            "prepare the agent's environment",
            &spec,
            secret_json(&provision)?,
            CONTROL,
        )?;
        serde_json::from_slice(&captured.stdout).context("the guest's answer could not be read")
    }

    fn copy_workspace(&self) -> anyhow::Result<()> {
        let Scene {
            engine,
            request,
            plan,
            progress,
            standing,
            ..
        } = self.scene;
        // A root that is read-only has its workspace in memory, which goes when it stops.
        if standing == Standing::Before && request.root == RootAccess::Writable {
            return Ok(());
        }
        let Some(workspace) = request
            .workspace
            .as_ref()
            .filter(|workspace| workspace.sharing == Sharing::Copy)
        else {
            return Ok(());
        };
        let spec = ExecSpec {
            argv: vec![
                guest::GUEST.to_owned(),
                "tar-in".to_owned(),
                request.workdir.clone(),
                "tell".to_owned(),
            ],
            ..guest_call(&plan.agent.name, "tar-in", None)
        };
        let call = engine.invocation(&Request::Exec(spec));
        // A root agent may put another program in the guest's place, which nobody should start again.
        let lies = match request.root {
            RootAccess::Writable if !is_root(&plan.agent.user) => Lies::Disk,
            RootAccess::Writable | RootAccess::ReadOnly => Lies::Memory,
        };
        let how = (&call, lies);
        copy_in(request, &workspace.source, how, progress, |doing, ended| {
            engine.checked(doing, &call, ended)?;
            Ok(())
        })
    }

    fn probe(&self) -> anyhow::Result<Findings> {
        let token = random_hex()?;
        let oracle = Oracle::open(&token).context("could not open a listener on the host")?;
        let request = seal::request(
            &self.around,
            token,
            format!("{}.example.com", random_hex()?),
            oracle.port(),
        );
        let report = self.run_probe(&request);
        let port = oracle.port();
        let arrivals = oracle.close();
        seal::judge(&self.around, &report?, &arrivals, port).map_err(|why| anyhow!(why))
    }

    fn run_probe(&self, request: &ProbeRequest) -> anyhow::Result<ProbeReport> {
        let Scene { engine, plan, .. } = self.scene;
        let spec = guest_call(&plan.agent.name, "probe", None);
        let input = Input::Bytes(serde_json::to_vec(request)?);
        let captured = engine.exec("probe the wall from inside", &spec, input, CONTROL)?;
        serde_json::from_slice(&captured.stdout).context("the probe's report could not be read")
    }
}

impl Sealed {
    /// Gives up the proof for the agent's command, which may start now.
    pub(super) fn launched(self) -> Launched {
        Launched {
            command: self.command,
            warnings: self.warnings,
            notes: self.notes,
        }
    }
}

fn guest_call(container: &str, command: &str, user: Option<&str>) -> ExecSpec {
    ExecSpec {
        container: container.to_owned(),
        user: user.map(str::to_owned),
        streams: Streams::InputOutput,
        argv: vec![guest::GUEST.to_owned(), command.to_owned()],
    }
}

fn secret_json(value: &impl serde::Serialize) -> anyhow::Result<Input> {
    Ok(Input::Secret(Secret::new(serde_json::to_string(value)?)))
}

pub(in crate::backends) fn random_hex() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("the system gave no random bytes: {error}"))?;
    Ok(super::images::hex(&bytes))
}

/// Runs two independent things at the same time.
fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        match first.join() {
            Ok(first) => (first, second),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Runs two independent calls at the same time; the first failure counts, once both have ended.
fn both(
    first: impl FnOnce() -> Result<(), EngineError> + Send,
    second: impl FnOnce() -> Result<(), EngineError> + Send,
) -> Result<(), EngineError> {
    let (first, second) = join(first, second);
    first.and(second)
}

pub(super) fn step(phase: &'static str, error: EngineError) -> BackendError {
    BackendError::Step {
        phase,
        hint: error.hint(),
        source: error.into(),
    }
}

pub(super) fn step_any(phase: &'static str, error: anyhow::Error) -> BackendError {
    let hint = error
        .downcast_ref::<EngineError>()
        .and_then(EngineError::hint);
    BackendError::Step {
        phase,
        hint,
        source: error,
    }
}
