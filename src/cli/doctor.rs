//! `bottle doctor`.

use std::thread;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use crate::backends::Probe;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::launch::{SidecarSource, locate_sidecar};

/// Say what this machine can run bottles on, and what is missing.
///
/// Ends with status 0 when at least one backend can be used, else 1.
#[derive(Clone, Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    backends: Vec<Probe>,
    sidecar: Sidecar,
}

#[derive(Debug, Serialize)]
struct Sidecar {
    path: Option<String>,
    problem: Option<String>,
}

/// Runs the verb.
pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<Exit> {
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        backends: probe_all(context),
        sidecar: sidecar(context)?,
    };
    let usable = report.backends.iter().any(Probe::usable) && report.sidecar.problem.is_none();
    let printed = if args.json {
        context.ui().json(&report)
    } else {
        context.ui().data(&text(&report))
    };
    printed.map_err(Error::user)?;
    Ok(if usable { Exit::Success } else { Exit::Failure })
}

/// Says the same in words, for a report.
pub(super) fn words(context: &Context) -> Result<String> {
    Ok(text(&Report {
        version: env!("CARGO_PKG_VERSION"),
        backends: probe_all(context),
        sidecar: sidecar(context)?,
    }))
}

fn probe_all(context: &Context) -> Vec<Probe> {
    thread::scope(|scope| {
        let probes: Vec<_> = context
            .registry()
            .all()
            .map(|backend| scope.spawn(move || backend.probe()))
            .collect();
        probes
            .into_iter()
            .filter_map(|probe| probe.join().ok())
            .collect()
    })
}

fn sidecar(context: &Context) -> Result<Sidecar> {
    let program = context
        .env()
        .executable()
        .unwrap_or_else(|| context.env().current_dir());
    let named = context.env().sidecar_binary()?;
    Ok(match locate_sidecar(named.as_deref(), program) {
        Ok(SidecarSource::Binary(path)) => Sidecar {
            path: Some(path.display().to_string()),
            problem: None,
        },
        Ok(SidecarSource::Script(script)) => {
            let path = format!(
                "built from this checkout when it is needed: {}",
                script.display()
            );
            Sidecar {
                path: Some(path),
                problem: None,
            }
        }
        Err(error) => Sidecar {
            path: None,
            problem: Some(error.to_string()),
        },
    })
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!("bottle {}", report.version)];
    for probe in &report.backends {
        let verdict = if probe.usable() { "ok" } else { "not usable" };
        lines.push(format!("\n{}: {verdict}", probe.backend));
        let found = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("  {name}: {value}"))
        };
        lines.extend(found("program", &probe.program));
        lines.extend(found("version", &probe.version));
        lines.extend(found("runs on", &probe.system));
        lines.extend(
            probe
                .features
                .iter()
                .map(|feature| format!("  - {feature}")),
        );
        for problem in &probe.problems {
            lines.push(format!("  problem: {}", problem.what));
            lines.push(format!("  to mend it: {}", problem.mend));
        }
    }
    let sidecar = match (&report.sidecar.path, &report.sidecar.problem) {
        (Some(path), _) => format!("\nsidecar: {path}"),
        (None, Some(problem)) => format!("\nsidecar: missing\n  problem: {problem}"),
        (None, None) => "\nsidecar: missing".to_owned(),
    };
    lines.push(sidecar);
    lines.join("\n") + "\n"
}
