//! The launch: recorded, started, sealed. Each step consumes the last, and only the seal gives the
//! agent's command out.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::config::SidecarConfig;
use bottle_contract::guest::Provision;
use bottle_contract::native::{AUDIT_LOG, PROXY_PORT, Process, Start, Started};
use bottle_contract::probe::ProbeReport;
use bottle_contract::secret::Secret;
use bottle_contract::tree::Lies;

use super::backend::{checked, guest_call, step};
use super::folder::{Folder, Made, Processes};
use super::{network, plan};
use crate::backends::backend::{BackendError, Progress};
use crate::backends::containers::oracle::{Oracle, host_addresses};
use crate::backends::containers::seal::{self, Findings, Surroundings};
use crate::backends::containers::{public_roots, random_hex};
use crate::backends::copying::copy_in;
use crate::backends::environment;
use crate::backends::request::{HostAccess, LaunchRequest, Launched, Sharing, Terminal};
use crate::machine::Facts;
use crate::process::{self, Input, Invocation};

/// How long a bottle may take to make; it does within some tens of milliseconds on an idle machine.
const START: Duration = Duration::from_secs(30);
/// How long the probe may take.
const PROBE: Duration = Duration::from_secs(30);
/// The port on which resolvers answer.
const DNS: u16 = 53;
/// Where the agent finds the sidecar: on the loopback of its own network.
const PROXY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), PROXY_PORT);

/// What every step needs.
#[derive(Clone, Copy)]
struct Scene<'a> {
    request: &'a LaunchRequest,
    facts: &'a Facts,
    folder: &'a Folder,
    progress: &'a dyn Progress,
}

impl Scene<'_> {
    /// A call that was ended because we should end is no failure.
    fn failed(&self, phase: &'static str, error: anyhow::Error) -> BackendError {
        match self.progress.check() {
            Err(interrupted) => interrupted.into(),
            Ok(()) => step(phase, error),
        }
    }
}

/// Makes and seals a bottle.
pub(super) fn launch(
    request: &LaunchRequest,
    facts: &Facts,
    folder: &Folder,
    progress: &dyn Progress,
) -> Result<Launched, BackendError> {
    let scene = Scene {
        request,
        facts,
        folder,
        progress,
    };
    Recorded::new(scene)?.guarded()?.sealed()
}

/// What is to be made is written down.
struct Recorded<'a> {
    scene: Scene<'a>,
    made: Made,
}

/// The sidecar serves, and the agent's first process idles.
struct Guarded<'a> {
    scene: Scene<'a>,
    made: Made,
    processes: Processes,
    notes: Vec<String>,
}

impl<'a> Recorded<'a> {
    fn new(scene: Scene<'a>) -> Result<Self, BackendError> {
        let request = scene.request;
        scene.progress.check()?;
        let groups = plan::groups(request)?;
        let made = Made::new(
            &request.labels,
            &request.sidecar.binary,
            plan::user(request),
            groups
                .as_ref()
                .map(|groups| groups.paths(&request.labels.id))
                .unwrap_or_default(),
        );
        scene
            .folder
            .create()
            .and_then(|()| scene.folder.write(&made))
            .and_then(|()| {
                groups
                    .iter()
                    .try_for_each(|groups| groups.create(&request.labels.id))
            })
            .map_err(|error| step("state", error))?;
        Ok(Self { scene, made })
    }

    fn guarded(self) -> Result<Guarded<'a>, BackendError> {
        let Self { scene, mut made } = self;
        scene.progress.phase("sidecar");
        let started = start(scene, &made).map_err(|error| scene.failed("sidecar", error))?;
        let processes = Processes {
            keeper: started.keeper,
            agent: started.agent,
            sidecar: started.sidecar,
            guard: started.guard,
        };
        made.processes = Some(processes);
        scene
            .folder
            .write(&made)
            .map_err(|error| step("state", error))?;
        let note = |why| format!("the system's trust store is left as it is: {why}");
        Ok(Guarded {
            scene,
            made,
            processes,
            notes: started.provisioned.skipped.map(note).into_iter().collect(),
        })
    }
}

impl Guarded<'_> {
    /// Copies the workspace in and probes the wall, at the same time.
    fn sealed(self) -> Result<Launched, BackendError> {
        let Scene {
            request, progress, ..
        } = self.scene;
        progress.check()?;
        progress.phase("seal");
        let (copied, probed) = std::thread::scope(|scope| {
            let copied = scope.spawn(|| self.copy_workspace());
            let probed = self.probe();
            (copied.join(), probed)
        });
        let mut findings = probed.map_err(|error| step("seal", error))?;
        let holes = network::holes(self.processes.agent).map_err(|error| step("seal", error))?;
        findings.holes.extend(holes);
        let warnings = seal::accept(findings, request.host_access.unwrap_or(HostAccess::Refuse))?;
        copied
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .map_err(|error| self.scene.failed("agent", error))?;
        progress.check()?;
        Ok(Launched {
            command: plan::command(request)?,
            warnings,
            notes: self.notes,
        })
    }

    fn copy_workspace(&self) -> anyhow::Result<()> {
        let Scene {
            request, progress, ..
        } = self.scene;
        let copied = |workspace: &&crate::backends::Workspace| workspace.sharing == Sharing::Copy;
        let Some(workspace) = request.workspace.as_ref().filter(copied) else {
            return Ok(());
        };
        let call = self.guest(&["tar-in", &request.workdir, "tell"]);
        let how = (&call, Lies::Memory);
        copy_in(request, &workspace.source, how, progress, |doing, ended| {
            checked(doing, &ended)
        })
    }

    fn probe(&self) -> anyhow::Result<Findings> {
        let around = surroundings(self.scene)?;
        let token = random_hex()?;
        let oracle = Oracle::open(&token).context("could not open a listener on the host")?;
        let name = format!("{}.example.com", random_hex()?);
        let port = oracle.port();
        let asked = seal::request(&around, token, name, port);
        let input = Input::Bytes(serde_json::to_vec(&asked)?);
        let invocation = self.guest(&["probe"]).with_stdin(input);
        let captured = process::run(&invocation, PROBE).context("probe the wall from inside");
        let arrivals = oracle.close();
        let captured = captured?;
        checked("probe the wall from inside", &captured)?;
        let report: ProbeReport = serde_json::from_slice(&captured.stdout)
            .context("the probe's report could not be read")?;
        seal::judge(&around, &report, &arrivals, port).map_err(|why| anyhow!(why))
    }

    fn guest(&self, words: &[&str]) -> Invocation {
        guest_call(&self.made, &self.processes, Terminal::Streams, words)
    }
}

/// Starts the sidecar and the agent's first process by one call.
fn start(scene: Scene<'_>, made: &Made) -> anyhow::Result<Started> {
    let start = message(scene, made)?;
    let text = serde_json::to_string(&start).context("could not encode the bottle")?;
    let invocation = Invocation::new(&made.binary, ["native", "start", made.id.as_str()])
        .with_stdin(Input::Secret(Secret::new(text)));
    let captured = process::run_while(&invocation, START, &|| scene.progress.check().is_ok())
        .context("make the bottle")?;
    checked("make the bottle", &captured)?;
    serde_json::from_slice(&captured.stdout).context("what was made could not be read")
}

fn message(scene: Scene<'_>, made: &Made) -> anyhow::Result<Start> {
    let Scene {
        request, folder, ..
    } = scene;
    let settings = &request.sidecar;
    Ok(Start {
        launcher: own_process()?,
        folder: folder.path().to_owned(),
        groups: made.groups.clone(),
        audit_dir: settings.audit_dir.clone(),
        resolver: plan::resolver(request),
        sidecar: Box::new(SidecarConfig {
            id: request.labels.id.clone(),
            listen: vec![PROXY],
            policy: settings.policy.clone(),
            secrets: settings.secrets.clone(),
            extra_ca: settings.extra_ca.clone(),
            log: settings.log,
            dlp: settings.dlp.clone(),
            audit_path: AUDIT_LOG.to_owned(),
        }),
        agent: plan::root(request, made.user),
        roots: public_roots(),
        provision: Provision {
            ca: String::new(),
            env: environment::stamped(request, PROXY),
            prompt: request.prompt.clone(),
            workdir: request.workdir.clone(),
            command: plan::command(request)?,
            processes: Some(plan::processes(request)),
            canary: settings.dlp.canary.clone(),
            timeout: request.timeout.map(|time| time.as_secs()),
        },
    })
}

fn own_process() -> anyhow::Result<Process> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("could not read `/proc`")?;
    Process::from_stat(std::process::id(), &stat).context("`/proc` could not be understood")
}

/// What the probe is to try: there is no gateway, and nothing answers but the sidecar.
fn surroundings(scene: Scene<'_>) -> anyhow::Result<Surroundings> {
    let routes = scene.request.sidecar.policy.routes.iter();
    let pinned = routes.filter_map(|route| {
        let port = route.ports.first()?;
        Some(SocketAddr::new(route.address?, *port))
    });
    let resolvers = plan::resolver(scene.request)
        .into_iter()
        .chain(scene.facts.resolver)
        .map(|resolver| SocketAddr::new(resolver, DNS));
    Ok(Surroundings {
        sidecar: Some(PROXY),
        host: host_addresses().context("could not list the host's addresses")?,
        beyond: resolvers.chain(pinned).collect(),
        ..Surroundings::default()
    })
}
