//! The verbs, and the way from the process's arguments to its exit code.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use super::context::Context;
use super::{
    allow, attach, audit, check, clean, completions, cp, deny, diff, doctor, exec, init, inspect,
    logs, ls, man, plan, pull, report, rm, run, schema, snapshot, start, stop, trust, verify,
};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::process;
use crate::ui::{By, Event, Progress, Ui};

/// Run a coding agent in a sealed bottle
///
/// The agent sits on a network with no way out but a guarding sidecar, which decides each request
/// against a default-deny policy, puts in credentials that the agent never holds, and logs what it
/// decided. When the agent ends, everything that was made for it is removed.
#[derive(Debug, Parser)]
#[command(
    name = "bottle",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,

    /// Show every call of an engine, as it pastes into a shell, on standard error
    #[arg(long, short, global = true)]
    verbose: bool,
}

/// What bottle can do. The help of each is the doc of its arguments.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Run(run::RunArgs),
    Plan(plan::PlanArgs),
    Check(check::CheckArgs),
    Ls(ls::LsArgs),
    Exec(exec::ExecArgs),
    Attach(attach::AttachArgs),
    Logs(logs::LogsArgs),
    Audit(audit::AuditArgs),
    Cp(cp::CpArgs),
    Diff(diff::DiffArgs),
    Pull(pull::PullArgs),
    Inspect(inspect::InspectArgs),
    Report(report::ReportArgs),
    Allow(allow::AllowArgs),
    Deny(deny::DenyArgs),
    Stop(stop::StopArgs),
    Start(start::StartArgs),
    Rm(rm::RmArgs),
    Snapshot(snapshot::SnapshotArgs),
    Clean(clean::CleanArgs),
    Doctor(doctor::DoctorArgs),
    Verify(verify::VerifyArgs),
    Init(init::InitArgs),
    Trust(trust::TrustArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    #[command(hide = true)]
    Man(man::ManArgs),
}

impl Verb {
    fn run(self, context: &Context) -> Result<Exit> {
        let done = |outcome: Result<()>| outcome.map(|()| Exit::Success);
        match self {
            Self::Run(args) => run::run(context, args),
            Self::Plan(args) => done(plan::run(context, args)),
            Self::Check(args) => check::run(context, &args),
            Self::Ls(args) => done(ls::run(context, &args)),
            Self::Exec(args) => exec::run(context, args),
            Self::Attach(args) => attach::run(context, &args),
            Self::Logs(args) => logs::run(context, &args),
            Self::Audit(args) => done(audit::run(context, &args)),
            Self::Cp(args) => done(cp::run(context, &args)),
            Self::Diff(args) => done(diff::run(context, &args)),
            Self::Pull(args) => pull::run(context, &args),
            Self::Inspect(args) => done(inspect::run(context, &args)),
            Self::Report(args) => done(report::run(context, &args)),
            Self::Allow(args) => done(allow::run(context, args)),
            Self::Deny(args) => done(deny::run(context, args)),
            Self::Stop(args) => done(stop::run(context, &args)),
            Self::Start(args) => start::run(context, &args),
            Self::Snapshot(args) => done(snapshot::run(context, &args)),
            Self::Rm(args) => done(rm::run(context, &args)),
            Self::Clean(args) => clean::run(context, &args),
            Self::Doctor(args) => doctor::run(context, &args),
            Self::Verify(args) => verify::run(context, args),
            Self::Init(args) => done(init::run(context, &args)),
            Self::Trust(args) => done(trust::run(context, &args)),
            Self::Schema(args) => done(schema::run(context, &args)),
            Self::Completions(args) => done(completions::run(context, &args)),
            Self::Man(args) => done(man::run(context, &args)),
        }
    }

    /// Tells whether the agent's own status may stand in bottle's place.
    fn passes_a_status_on(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Exec(_) | Self::Attach(_))
    }

    /// Keeps standard error free of progress where a script reads.
    fn progress(&self) -> Progress {
        if let Self::Run(args) = self
            && args.events == Some(run::Events::Json)
        {
            return Progress::Events;
        }
        let json = match self {
            Self::Plan(args) => args.json,
            Self::Ls(args) => args.json,
            Self::Audit(args) => args.json,
            Self::Clean(args) => args.json,
            Self::Doctor(args) => args.json,
            Self::Verify(args) => args.json,
            Self::Check(args) => args.json,
            Self::Diff(args) => args.json,
            Self::Run(_)
            | Self::Exec(_)
            | Self::Attach(_)
            | Self::Logs(_)
            | Self::Cp(_)
            | Self::Pull(_)
            | Self::Inspect(_)
            | Self::Report(_)
            | Self::Allow(_)
            | Self::Deny(_)
            | Self::Stop(_)
            | Self::Start(_)
            | Self::Rm(_)
            | Self::Snapshot(_)
            | Self::Init(_)
            | Self::Trust(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        };
        if json {
            Progress::Silent
        } else {
            Progress::Shown
        }
    }
}

/// Runs what the process's arguments say, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A help text that nobody reads any more is no failure of its own.
            error.print().ok();
            return ExitCode::from(
                if error.use_stderr() {
                    Exit::Usage
                } else {
                    Exit::Success
                }
                .code(),
            );
        }
    };
    let passes_on = cli.verb.passes_a_status_on();
    let progress = cli.verb.progress();
    let env = match Env::capture() {
        Ok(env) => env,
        Err(error) => return fail(&Ui::plain(progress), &Error::user(error), passes_on),
    };
    let ui = Arc::new(Ui::new(&env, progress));
    if cli.verbose {
        let ui = Arc::clone(&ui);
        process::observe(move |call| ui.call(call));
    }
    let context = match Context::new(ui, env) {
        Ok(context) => context,
        Err(error) => return fail(&Ui::plain(progress), &error, passes_on),
    };
    match cli.verb.run(&context) {
        Ok(exit) => end(context.ui(), exit),
        Err(error) => fail(context.ui(), &error, passes_on),
    }
}

/// Says how it ended, where scripts read.
fn end(ui: &Ui, exit: Exit) -> ExitCode {
    let by = match exit {
        Exit::Success => By::Done,
        Exit::Agent(_) => By::Agent,
        Exit::Signal(_) => By::Signal,
        Exit::TimedOut => By::Timeout,
        Exit::Failure | Exit::Usage | Exit::Bottle => By::Bottle,
    };
    let status = exit.code();
    ui.event(&Event::Ended { status, by });
    ExitCode::from(status)
}

fn fail(ui: &Ui, error: &Error, passes_on: bool) -> ExitCode {
    if !error.is_broken_pipe() {
        ui.error(error);
    }
    let exit = if passes_on {
        error.exit_beside_agent()
    } else {
        error.exit()
    };
    end(ui, exit)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
