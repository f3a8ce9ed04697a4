//! `bottle inspect`.

use bottle_contract::control::{Reply, Request, Stats};
use bottle_contract::dlp::Scanning;
use bottle_contract::live::LiveChange;
use bottle_contract::policy::Policy;
use clap::Args;
use serde::Serialize;

use super::context::Context;
use crate::error::{Error, Result};
use crate::launch::{ask as asked, backend_of, unfit};
use crate::state::Bottle;

/// Show everything known about a bottle, as JSON.
///
/// Its record, its status, what was made for it, and, where its sidecar runs, the routes in force,
/// what `allow` and `deny` changed with its end, how what leaves is scanned, and the sidecar's counters. No secret is among it.
#[derive(Clone, Debug, Args)]
pub(super) struct InspectArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    bottle: &'a Bottle,
    #[serde(skip_serializing_if = "Option::is_none")]
    sidecar: Option<Sidecar>,
}

/// What the sidecar says of itself, or why it says nothing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Sidecar {
    #[serde(untagged)]
    Answers {
        policy: Policy,
        /// What was changed since the start, the newest last.
        live: Vec<LiveChange>,
        /// How what leaves is scanned.
        scanning: Option<Scanning>,
        stats: Stats,
    },
    #[serde(untagged)]
    Silent { problem: String },
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &InspectArgs) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(&args.id)?;
    let sidecar = bottle.status.runs().then(|| {
        ask(context, bottle).unwrap_or_else(|error| Sidecar::Silent {
            problem: error.to_string(),
        })
    });
    context
        .ui()
        .json(&Shown { bottle, sidecar })
        .map_err(Error::user)
}

fn ask(context: &Context, bottle: &Bottle) -> Result<Sidecar> {
    let backend = backend_of(context.registry(), bottle)?;
    let question = |request: &Request| asked(backend, &bottle.id, request);
    match (question(&Request::Routes)?, question(&Request::Stats)?) {
        (
            Reply::Routes {
                policy,
                live,
                scanning,
            },
            Reply::Stats { stats },
        ) => Ok(Sidecar::Answers {
            policy,
            live,
            scanning,
            stats,
        }),
        (reply, _) => Err(unfit(&reply)),
    }
}
