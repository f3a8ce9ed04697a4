//! `bottle allow`.

use bottle_contract::dlp::RouteDlp;
use bottle_contract::intent::Method;
use bottle_contract::live::Change;
use bottle_contract::path::PathPattern;
use bottle_contract::policy::{GitAccess, Route};
use clap::Args;

use super::change::{Place, tell};
use super::context::Context;
use super::length::seconds;
use crate::error::Result;

/// Let a running bottle reach a host.
///
/// It takes effect at once, stands in the audit log, and lasts as long as the bottle or as `--for`
/// says. The manifest's own routes come first; one that is added has no credential, pins no
/// address, and lets git do nothing. It also takes back a `bottle deny` of the same host.
#[derive(Clone, Debug, Args)]
pub(super) struct AllowArgs {
    /// The bottle: its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,

    /// The host, `*.` before it for all below it, and a port (443 and 80 when none is named)
    #[arg(value_name = "HOST[:PORT]")]
    place: Place,

    /// Allow this method only; may be repeated
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<Method>,

    /// Allow these paths only, as in a manifest; may be repeated
    #[arg(long = "path", value_name = "PATTERN")]
    paths: Vec<PathPattern>,

    /// End it by itself after this time, such as `90s`, `10m` or `2h`
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: Option<u64>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: AllowArgs) -> Result<()> {
    let route = Route {
        host: args.place.host,
        ports: args
            .place
            .port
            .map_or_else(|| vec![443, 80], |port| vec![port]),
        methods: (!args.methods.is_empty()).then_some(args.methods),
        paths: (!args.paths.is_empty()).then_some(args.paths),
        address: None,
        auth: None,
        git: GitAccess::None,
        dlp: RouteDlp::default(),
    };
    tell(context, &args.id, Change::Allow { route }, args.seconds)
}
