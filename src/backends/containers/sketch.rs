//! A launch as the commands that it would run: for `bottle plan` and `--dry-run`.

use std::net::{IpAddr, Ipv4Addr};

use bottle_contract::guest;

use super::capabilities::{Capabilities, Names, Wall};
use super::engine::{Engine, Located};
use super::plan::{self, Images, LaunchPlan, SIDECAR_PROGRAM};
use super::probe;
use super::record::{EngineInfo, ImageRecord};
use super::request::{ExecSpec, Request, Streams};
use crate::backends::backend::BackendError;
use crate::backends::request::{ImageSource, LaunchRequest, Plan, Step};

/// Where a resolver's address belongs that is not known here (RFC 5737: nobody's).
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));

/// Says what a launch would run; asks the engine for its version and the image, where it answers.
pub(super) fn plan(engine: &Engine, request: &LaunchRequest) -> Result<Plan, BackendError> {
    let located = engine.usable();
    let (info, mut notes) = info(engine, located.as_ref());
    let (images, image_note) = images(located.as_ref(), request);
    notes.extend(image_note);
    notes.push("images that are not here yet are fetched or built first, under a tag of their content's digest".to_owned());
    let can = probe::capabilities(engine, &info);
    let here = engine.dialect().unfit(engine.facts()).is_none();
    let (can, request) = if here {
        (can, request.clone())
    } else {
        let can = elsewhere(&can);
        let request = unknown_resolver(request, &can);
        notes.push(format!("{UNKNOWN} stands for the resolver of that machine"));
        (can, request)
    };
    let request = &request;
    let plan = LaunchPlan::new(request, &can, &images)?;
    notes.extend(plan.notes.clone());
    let steps = requests(request, &plan)
        .into_iter()
        .map(|(phase, request)| Step {
            phase,
            command: engine.sketch(&request).to_string(),
        })
        .collect();
    Ok(Plan {
        backend: engine.dialect().name(),
        steps,
        notes,
    })
}

/// A plan for another machine cannot know which resolver that has.
fn elsewhere(can: &Capabilities) -> Capabilities {
    let names = match can.names {
        Names::Stated { variable, .. } => Names::Stated {
            host: None,
            variable,
        },
        Names::Engine => Names::Engine,
    };
    Capabilities {
        names,
        ..can.clone()
    }
}

/// Stands for the resolver that only the other machine knows.
fn unknown_resolver(request: &LaunchRequest, can: &Capabilities) -> LaunchRequest {
    let mut request = request.clone();
    if plan::resolver(&request, can).is_none() {
        request.sidecar.fallback_resolver = Some(UNKNOWN);
    }
    request
}

fn info(engine: &Engine, located: Option<&Located>) -> (EngineInfo, Vec<String>) {
    let dialect = engine.dialect();
    let answer = located.and_then(|located| located.info(located.version().ok()?).ok());
    if let Some(info) = answer {
        return (info, Vec::new());
    }
    let numbers = dialect.minimum();
    let version = format!("{}.{}", numbers.0, numbers.1);
    let note = format!(
        "{} does not answer here; this plan is for its version {version}",
        dialect.name()
    );
    (
        EngineInfo {
            version,
            numbers,
            rootless: false,
            limits: true,
            memory: None,
            bare_bridge: true,
            system: String::new(),
        },
        vec![note],
    )
}

/// Names the images as they are tagged; what is in a tag's digest is known only at the launch.
fn images(located: Option<&Located>, request: &LaunchRequest) -> (Images, Option<String>) {
    let base = match &request.image {
        ImageSource::Reference(reference) => located
            .and_then(|located| located.image(reference).ok())
            .flatten(),
        ImageSource::Host | ImageSource::Dockerfile { .. } | ImageSource::Empty => None,
    };
    let note = base.is_none().then(|| {
        "the image is not here yet, so its own user and command are not known to this plan"
            .to_owned()
    });
    let unknown = || ImageRecord {
        command: vec!["<the image's command>".to_owned()],
        ..ImageRecord::default()
    };
    let images = Images {
        sidecar: "localhost/bottle/sidecar:<digest>".to_owned(),
        agent: "localhost/bottle/agent:<digest>".to_owned(),
        base: base.unwrap_or_else(unknown),
    };
    (images, note)
}

fn requests(request: &LaunchRequest, plan: &LaunchPlan) -> Vec<(&'static str, Request)> {
    let agent = &plan.agent.name;
    let root = || Some("0:0".to_owned());
    let mut steps = vec![
        ("network", Request::CreateNetwork(plan.internal.clone())),
        ("network", Request::CreateNetwork(plan.egress.clone())),
        (
            "network",
            Request::CreateContainer(Box::new(plan.sidecar.clone())),
        ),
        (
            "network",
            Request::CreateContainer(Box::new(plan.agent.clone())),
        ),
    ];
    steps.extend(plan.connect().map(|connect| ("sidecar", connect)));
    steps.extend([
        ("sidecar", Request::Start(plan.sidecar.name.clone())),
        (
            "sidecar",
            Request::Exec(exec(
                &plan.sidecar.name,
                None,
                Streams::InputOutput,
                &[SIDECAR_PROGRAM, "ctl"],
            )),
        ),
        ("sidecar", Request::Start(agent.clone())),
        (
            "seal",
            Request::Exec(exec(
                agent,
                root(),
                Streams::InputOutput,
                &[guest::GUEST, "provision"],
            )),
        ),
    ]);
    if plan.wall == Wall::Guest {
        let words = [guest::GUEST, "wall", "<sidecar>"];
        let wall = exec(agent, root(), Streams::Output, &words);
        steps.push(("seal", Request::ExecPrivileged(wall)));
    }
    if request.workspace.is_some() && plan.agent.mounts.is_empty() {
        let copy = exec(
            agent,
            None,
            Streams::InputOutput,
            &[guest::GUEST, "tar-in", &request.workdir, "tell"],
        );
        steps.push(("seal", Request::Exec(copy)));
    }
    let probe = exec(agent, None, Streams::InputOutput, &[guest::GUEST, "probe"]);
    let words: Vec<&str> = [guest::GUEST, "exec"]
        .into_iter()
        .chain(plan.command.iter().map(String::as_str))
        .collect();
    let run = exec(agent, None, Streams::Terminal, &words);
    steps.extend([("seal", Request::Exec(probe)), ("run", Request::Exec(run))]);
    steps
}

fn exec(container: &str, user: Option<String>, streams: Streams, words: &[&str]) -> ExecSpec {
    ExecSpec {
        container: container.to_owned(),
        user,
        streams,
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
    }
}
