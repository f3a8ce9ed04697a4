//! `bottle verify`.

use anyhow::anyhow;
use clap::Args;

use super::context::Context;
use super::exec::require_running;
use super::run::{now, offer, say_choice};
use crate::backends::HostAccess;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{
    Attacked, OwnParts, Signals, Verdict, Verified, attack, backend_of, choose, locate_sidecar,
    provide_sidecar, verify_own,
};
use crate::state::{Accepts, Bottle};

/// How much of the evidence stands in the table; `--json` has all of it.
const EVIDENCE: usize = 100;

/// Attack a bottle from inside, and say whether the wall holds.
///
/// Without an ID it makes a bottle of its own with nothing in it, attacks it, and removes it; nothing
/// is fetched for it. With an ID it attacks a bottle that runs, with what its agent has, and leaves
/// out what would disturb the agent. Every attempt has a control that shows that the same means work
/// where they should, and nothing is sent to anybody but this machine. The attempts on the proxy
/// stand in the bottle's audit log.
///
/// The result of each attempt is `held`, `open` (a hole), `accepted` (the host's own services, where
/// `host-access = "warn"` accepts them), or `inconclusive` (its control failed, so it proves nothing).
/// Ends with status 0 when each is held or accepted, else 1.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyArgs {
    /// The bottle: its id, or the beginning of it; without one, a bottle is made
    #[arg(value_name = "ID", conflicts_with = "backend")]
    id: Option<String>,

    /// Make the bottle on this backend: macos-container, docker or podman
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: VerifyArgs) -> Result<Exit> {
    let verified = match &args.id {
        Some(id) => running(context, id)?,
        None => own(context, args.backend)?,
    };
    let printed = if args.json {
        context.ui().json(&verified)
    } else {
        table(context, &verified)
    };
    printed.map_err(Error::user)?;
    Ok(conclude(context, &verified))
}

fn own(context: &Context, backend: Option<String>) -> Result<Verified> {
    let named = context.named_backend(backend)?;
    let choice = choose(context.registry(), &named, &|call| offer(context, call))?;
    say_choice(context, &choice);
    let program = context
        .env()
        .executable()
        .unwrap_or_else(|| context.env().current_dir());
    let sidecar = context.env().sidecar_binary()?;
    let say = |text: &str| context.ui().note(text);
    let binary = provide_sidecar(locate_sidecar(sidecar.as_deref(), program)?, &say)?;
    verify_own(&OwnParts {
        backend: choice.backend,
        state: &context.state()?,
        binary,
        owner: (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        ),
        resolver: context.resolver()?,
        subnets: context.subnets()?,
        created: now(),
        signals: &Signals::watch()?,
        ui: context.ui(),
    })
}

fn running(context: &Context, id: &str) -> Result<Verified> {
    let inventory = context.survey()?;
    let bottle = inventory.find(id)?;
    require_running(bottle)?;
    let backend = backend_of(context.registry(), bottle)?;
    let phase = context.ui().phase("attack");
    let verified = attack(Attacked {
        backend,
        id: &bottle.id,
        host_access: accepted(bottle),
        signals: &Signals::watch()?,
    })?;
    phase.done();
    Ok(verified)
}

fn accepted(bottle: &Bottle) -> Option<HostAccess> {
    match bottle.record.as_ref()?.accepts? {
        Accepts::HostServices => Some(HostAccess::Warn),
        Accepts::Unknown => None,
    }
}

fn table(context: &Context, verified: &Verified) -> std::io::Result<()> {
    let rows: Vec<Vec<String>> = verified
        .attempts
        .iter()
        .map(|row| {
            vec![
                format!("{}/{}", row.control, row.id),
                row.attempt.to_owned(),
                row.result.to_string(),
                shortened(&row.evidence),
            ]
        })
        .collect();
    let headers = ["CONTROL", "ATTEMPT", "RESULT", "EVIDENCE"];
    context.ui().table(&headers, &rows)
}

fn shortened(evidence: &str) -> String {
    if evidence.chars().count() <= EVIDENCE {
        return evidence.to_owned();
    }
    let begin: String = evidence.chars().take(EVIDENCE).collect();
    format!("{begin}…")
}

/// Says on standard error what it comes to, with the name of each hole.
fn conclude(context: &Context, verified: &Verified) -> Exit {
    let count = |result| verified.with(result).count();
    let names = |result| {
        let names: Vec<&str> = verified.with(result).map(|row| row.id).collect();
        names.join(", ")
    };
    let ui = context.ui();
    ui.note(format!(
        "{} attempts on `{}` ({}): {} held, {} accepted, {} inconclusive, {} open",
        verified.attempts.len(),
        verified.bottle,
        verified.backend,
        count(Verdict::Held),
        count(Verdict::Accepted),
        count(Verdict::Inconclusive),
        count(Verdict::Open),
    ));
    if count(Verdict::Accepted) > 0 {
        ui.warn(format!(
            "the host's own services can be reached, and `host-access = \"warn\"` accepts it: {}",
            names(Verdict::Accepted)
        ));
    }
    if verified.held {
        return Exit::Success;
    }
    for (result, what) in [
        (Verdict::Open, "the wall has a hole"),
        (Verdict::Inconclusive, "these attempts prove nothing"),
    ] {
        if count(result) > 0 {
            let error = Error::user(anyhow!("{what}: {}", names(result)));
            ui.error(&error.hint("`bottle verify --json` shows all that was seen"));
        }
    }
    Exit::Failure
}
