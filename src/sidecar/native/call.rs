//! Finds the role that this process has in a bottle without an engine.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use bottle_contract::native::COMPLAINT;

use super::channel::Handed;
use super::{enter, guard, init, keeper, logs, start, stop, terminal};

/// What a role comes to.
#[derive(Debug)]
pub enum Outcome {
    /// It has ended with this status.
    Ended(ExitCode),
    /// It is the sidecar, confined, and is to serve.
    Serve(Box<Handed>),
}

/// Takes the role that the first word names; says why when it cannot.
pub fn run(words: &[OsString]) -> Outcome {
    dispatch(words).unwrap_or_else(|reason| {
        // When standard error is closed there is nobody left to tell.
        drop(writeln!(std::io::stderr(), "{COMPLAINT}{reason:#}"));
        Outcome::Ended(ExitCode::FAILURE)
    })
}

fn dispatch(words: &[OsString]) -> anyhow::Result<Outcome> {
    let Some((role, words)) = words.split_first() else {
        bail!("`native` needs a role");
    };
    let done = |()| ExitCode::SUCCESS;
    let code = match role.to_str() {
        Some("start") => start::start(words)?,
        Some("keep") => done(keeper::keep(words)?),
        Some("guard") => guard::guard(words)?.into(),
        Some("serve") => return Ok(Outcome::Serve(Box::new(guard::prepare()?))),
        Some("init") => init::init()?.into(),
        Some("terminal") => terminal::lead(words)?,
        Some("exec") => enter::exec(words)?.into(),
        Some("logs") => done(logs::logs(words)?),
        Some("detach") => done(stop::detach(words)?),
        Some("stop") => done(stop::stop(words)?),
        Some("end") => done(stop::end(words)?),
        Some(_) | None => bail!("`{}` is no role", role.display()),
    };
    Ok(Outcome::Ended(code))
}
