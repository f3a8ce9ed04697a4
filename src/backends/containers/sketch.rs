//! A launch as the commands that it would run: for `bottle plan` and `--dry-run`.

use bottle_contract::guest;

use super::engine::Engine;
use super::plan::{Images, LaunchPlan, SIDECAR_PROGRAM};
use super::probe;
use super::record::{EngineInfo, ImageRecord};
use super::request::{ExecSpec, Request, Streams};
use crate::backends::backend::BackendError;
use crate::backends::request::{ImageSource, LaunchRequest, Plan, Step};

/// Says what a launch would run; asks the engine for its version and the image, where it answers.
pub(super) fn plan(engine: &Engine, request: &LaunchRequest) -> Result<Plan, BackendError> {
    let (info, mut notes) = info(engine);
    let (images, image_note) = images(engine, request);
    notes.extend(image_note);
    notes.push("images that are not here yet are fetched or built first, under a tag of their content's digest".to_owned());
    let can = probe::capabilities(engine.dialect(), &info);
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

fn info(engine: &Engine) -> (EngineInfo, Vec<String>) {
    let dialect = engine.dialect();
    if let Some(info) = engine.locate().ok().and_then(|located| located.info().ok()) {
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
fn images(engine: &Engine, request: &LaunchRequest) -> (Images, Option<String>) {
    let base = match &request.image {
        ImageSource::Reference(reference) => engine
            .locate()
            .ok()
            .and_then(|located| located.image(reference).ok())
            .flatten(),
        ImageSource::Dockerfile { .. } => None,
    };
    let note = base.is_none().then(|| {
        "the image is not here yet, so its own user and command are not known to this plan"
            .to_owned()
    });
    let unknown = || ImageRecord {
        id: String::new(),
        user: String::new(),
        entrypoint: Vec::new(),
        command: vec!["<the image's command>".to_owned()],
        on_build: Vec::new(),
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
        (
            "sidecar",
            Request::Connect {
                network: plan.internal.name.clone(),
                container: plan.sidecar.name.clone(),
            },
        ),
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
    ];
    if request.workspace.is_some() && plan.agent.mounts.is_empty() {
        let copy = exec(
            agent,
            None,
            Streams::InputOutput,
            &[guest::GUEST, "tar-in", &request.workdir],
        );
        steps.push(("seal", Request::Exec(copy)));
    }
    let probe = exec(agent, None, Streams::InputOutput, &[guest::GUEST, "probe"]);
    let words: Vec<&str> = [guest::GUEST, "exec", "--"]
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
