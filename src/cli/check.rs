//! `bottle check`.

use anyhow::anyhow;
use bottle_contract::intent::{Intent, Method, parse_url};
use bottle_contract::policy::Policy;
use bottle_contract::verdict::{Reason, Verdict};
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::manifest::ManifestArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::manifest::Resolved;

/// Check a manifest, or ask what its policy says of a URL.
///
/// Without `--url`, reads the manifest with its bottles and says what is wrong with it. With
/// `--url`, answers by the same function that the sidecar decides with: status 0 when the request
/// is allowed, 1 when it is denied. Names are not resolved: at run time an address that is not
/// public is denied too, unless the route pins it.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    manifest: ManifestArgs,

    /// The URL to ask about, as in `https://api.example.com/v1`
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The method to ask about
    #[arg(long, value_name = "METHOD", default_value = "GET", requires = "url")]
    method: Method,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The answer about one URL.
#[derive(Debug, Serialize)]
struct Answer {
    request: String,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<Exit> {
    let loaded = args.manifest.load(context)?;
    let resolved = args.manifest.resolve(&loaded)?;
    let Some(url) = &args.url else {
        return show_manifest(context, args, &resolved);
    };
    let answer = answer(&resolved, &args.method, url)?;
    let exit = if answer.verdict == "allow" {
        Exit::Success
    } else {
        Exit::Failure
    };
    let printed = if args.json {
        context.ui().json(&answer)
    } else {
        context.ui().data(&text(&answer))
    };
    printed.map_err(Error::user)?;
    Ok(exit)
}

fn show_manifest(context: &Context, args: &CheckArgs, resolved: &Resolved) -> Result<Exit> {
    let printed = if args.json {
        context.ui().json(resolved)
    } else {
        let files: Vec<String> = resolved
            .sources
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        context
            .ui()
            .data(&format!("{}: ok ({})\n", resolved.name, files.join(", ")))
    };
    printed.map_err(Error::user)?;
    Ok(Exit::Success)
}

fn answer(resolved: &Resolved, method: &Method, url: &str) -> Result<Answer> {
    let (scheme, host, port, target) = parse_url(url).map_err(|error| {
        Error::usage(anyhow!(
            "`{url}` is not a URL that an agent could ask for: {error}"
        ))
    })?;
    let intent = Intent {
        scheme,
        method: method.clone(),
        host,
        port,
        target,
    };
    let place = |route: usize| {
        resolved
            .egress
            .routes
            .get(route)
            .map(|entry| entry.origin.to_string())
    };
    let policy: Policy = resolved.policy();
    Ok(match policy.decide(&intent) {
        Verdict::Allow(allowed) => Answer {
            request: intent.to_string(),
            verdict: "allow",
            route: place(allowed.route),
            reason: None,
            detail: None,
            remedy: None,
        },
        Verdict::Deny(denial) => Answer {
            request: intent.to_string(),
            verdict: "deny",
            route: denial.route.and_then(place),
            reason: Some(denial.reason),
            detail: Some(denial.reason.to_string()),
            remedy: denial.remedy(&intent),
        },
    })
}

fn text(answer: &Answer) -> String {
    let mut lines = vec![format!("{}  {}", answer.verdict, answer.request)];
    lines.extend(answer.route.iter().map(|route| format!("route: {route}")));
    lines.extend(
        answer
            .detail
            .iter()
            .map(|detail| format!("reason: {detail}")),
    );
    lines.extend(
        answer
            .remedy
            .iter()
            .map(|remedy| format!("to allow it, add:\n{remedy}")),
    );
    lines.join("\n") + "\n"
}
