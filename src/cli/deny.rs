//! `bottle deny`.

use bottle_contract::live::Change;
use clap::Args;

use super::change::{Place, tell};
use super::context::Context;
use crate::error::Result;

/// Withdraw a host from a running bottle.
///
/// No new request goes to it, whatever the manifest says and `bottle allow` has added. It takes
/// effect at once, stands in the audit log, and lasts as long as the bottle, or until `bottle
/// allow` names the host again. Requests under way are carried to their end; `bottle stop` ends
/// these too.
#[derive(Clone, Debug, Args)]
pub(super) struct DenyArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// The host, `*.` before it for all below it, and a port (all when none is named)
    #[arg(value_name = "HOST[:PORT]")]
    place: Place,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: DenyArgs) -> Result<()> {
    let Place { host, port } = args.place;
    tell(context, &args.id, Change::Deny { host, port }, None)
}
