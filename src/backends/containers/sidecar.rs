//! The sidecar's container: started between the networks, configured once, and asked from then on.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bottle_contract::config::SidecarConfig;
use bottle_contract::control::{Reply, Request as ControlRequest};
use bottle_contract::secret::Secret;

use super::capabilities::HostAddress;
use super::engine::Located;
use super::oracle;
use super::phases::{Scene, Standing};
use super::plan::{self, AUDIT_LOG, PROXY_PORT, SIDECAR_PROGRAM};
use super::record::ContainerRecord;
use super::request::{ExecSpec, Request, Streams};
use super::seal::Surroundings;
use crate::machine::Facts;
use crate::process::Input;

/// How long a sidecar may take to answer; it does within milliseconds on an idle machine.
const CONTROL: Duration = Duration::from_secs(30);

/// The port on which resolvers answer.
const DNS: u16 = 53;

/// Connects the sidecar to the agent's network, starts it, and finds where the agent will see it.
pub(super) fn start(scene: Scene<'_>) -> anyhow::Result<(ContainerRecord, SocketAddr)> {
    let Scene {
        engine,
        plan,
        standing,
        ..
    } = scene;
    let name = &plan.sidecar.name;
    if let Some(connect) = plan.connect().filter(|_| standing == Standing::New) {
        engine.perform("connect the sidecar to the internal network", &connect)?;
    }
    engine.perform("start the sidecar", &Request::Start(name.clone()))?;
    let record = engine
        .container(name)?
        .ok_or_else(|| anyhow!("the sidecar's container is gone"))?;
    if !record.running {
        let status = record
            .exit_code
            .map_or_else(|| "no status".to_owned(), |code| format!("status {code}"));
        bail!("the sidecar ended at once, with {status}");
    }
    let endpoint = record.networks.get(&plan.internal.name);
    let address: IpAddr = endpoint
        .and_then(|endpoint| endpoint.address)
        .ok_or_else(|| {
            anyhow!("the engine names no address of the sidecar on the internal network")
        })?;
    Ok((record, SocketAddr::new(address, PROXY_PORT)))
}

/// Finds what is around the agent, as seen from outside: what the probe is to try.
pub(super) fn surroundings(
    scene: Scene<'_>,
    sidecar: &ContainerRecord,
    listen: SocketAddr,
) -> anyhow::Result<Surroundings> {
    let Scene {
        engine,
        plan,
        can,
        facts,
        ..
    } = scene;
    let networks = engine.networks(&[plan.internal.name.clone(), plan.egress.name.clone()])?;
    if networks.len() != 2 {
        bail!("the engine does not describe both networks, so the wall cannot be probed");
    }
    let endpoint = |name: &str| sidecar.networks.get(name).cloned().unwrap_or_default();
    let gateways = |name: &str| {
        let network = networks.iter().find(|network| network.name == name);
        let named = network
            .into_iter()
            .flat_map(|network| network.gateways.iter().copied());
        named.chain(endpoint(name).gateway).collect()
    };
    let egress = endpoint(&plan.egress.name).address;
    if egress.is_none() {
        bail!("the engine names no address of the sidecar on the egress network");
    }
    let internal = networks
        .iter()
        .find(|network| network.name == plan.internal.name);
    Ok(Surroundings {
        routed: !internal.is_some_and(|network| network.internal),
        sidecar: Some(listen),
        sidecar_egress: egress,
        internal_gateways: gateways(&plan.internal.name),
        egress_gateways: gateways(&plan.egress.name),
        host: oracle::host_addresses().context("could not list the host's addresses")?,
        beyond: beyond(scene, facts),
        host_answers: can.host_address == HostAddress::Present,
    })
}

/// Finds addresses that only the sidecar may reach, of which somebody is known to answer: the
/// resolver that this machine asks anyway, and what routes are pinned to.
pub(super) fn beyond(scene: Scene<'_>, facts: &Facts) -> Vec<SocketAddr> {
    let routes = scene.request.sidecar.policy.routes.iter();
    let pinned = routes.filter_map(|route| {
        let port = route.ports.first()?;
        Some(SocketAddr::new(route.address?, *port))
    });
    let stated = plan::resolver(scene.request, scene.can);
    stated
        .into_iter()
        .chain(facts.resolver)
        .map(|resolver| SocketAddr::new(resolver, DNS))
        .chain(pinned)
        .collect()
}

/// Gives the sidecar all it needs, in one call, and returns the bottle's CA certificate.
pub(super) fn configure(scene: Scene<'_>, listen: SocketAddr) -> anyhow::Result<String> {
    let settings = &scene.request.sidecar;
    let config = SidecarConfig {
        id: scene.request.labels.id.clone(),
        listen: vec![listen],
        policy: settings.policy.clone(),
        secrets: settings.secrets.clone(),
        extra_ca: settings.extra_ca.clone(),
        log: settings.log,
        dlp: settings.dlp.clone(),
        audit_path: AUDIT_LOG.to_owned(),
    };
    match control(
        scene.engine,
        &scene.plan.sidecar.name,
        &ControlRequest::Configure {
            config: Box::new(config),
        },
    )? {
        Reply::Ready { ca, .. } => check_audit(scene).map(|()| ca),
        Reply::Error { message } => bail!("the sidecar refused its configuration: {message}"),
        other => bail!("the sidecar gave an answer that does not fit: {other:?}"),
    }
}

/// Without its audit log on this machine a bottle would run unobserved.
fn check_audit(scene: Scene<'_>) -> anyhow::Result<()> {
    let log = scene.request.sidecar.audit_dir.join("audit.jsonl");
    let written = std::fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0);
    if !written {
        bail!(
            "the sidecar's audit log does not appear at `{}`: the engine runs on another machine, or does not share this folder",
            log.display()
        );
    }
    Ok(())
}

/// Asks a sidecar over its control channel.
fn control(engine: &Located, sidecar: &str, request: &ControlRequest) -> anyhow::Result<Reply> {
    let line = Secret::new(format!("{}\n", serde_json::to_string(request)?));
    let answer = control_line(engine, sidecar, Input::Secret(line))?;
    serde_json::from_str(&answer)
        .with_context(|| format!("the sidecar's answer could not be read: `{answer}`"))
}

/// Sends one line over the control channel and returns the line that comes back.
pub(super) fn control_line(
    engine: &Located,
    sidecar: &str,
    input: Input,
) -> anyhow::Result<String> {
    let spec = ExecSpec {
        container: sidecar.to_owned(),
        user: None,
        streams: Streams::InputOutput,
        argv: vec![SIDECAR_PROGRAM.to_owned(), "ctl".to_owned()],
    };
    let captured = engine.exec("talk to the sidecar", &spec, input, CONTROL)?;
    let text = captured.stdout_text();
    let line = text.lines().next().ok_or_else(|| {
        anyhow!(
            "the sidecar gave no answer; it said: {}",
            captured.stderr_text().trim()
        )
    })?;
    Ok(line.to_owned())
}
