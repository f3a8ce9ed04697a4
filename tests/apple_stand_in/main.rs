//! `container`: the stand-in's program.

use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use apple_stand_in::argv::{Outcome, parse};
use apple_stand_in::oracle::{SWITCH, VARIABLE, answer, version};
use apple_stand_in::runtime::{record, run};
use apple_stand_in::version::Version;

/// The status when the stand-in itself is used wrongly.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if words == [SWITCH] {
        return oracle();
    }
    record(&words);
    let version = match chosen() {
        Ok(version) => version,
        Err(status) => return status,
    };
    match parse(version, &words) {
        Outcome::Accepted(parsed) => ExitCode::from(run(version, &parsed)),
        Outcome::Refused { exit, message } => {
            // Without anyone to tell, the status still says it.
            let _unheard = writeln!(stderr(), "{message}");
            ExitCode::from(exit)
        }
        Outcome::Help { message } => match writeln!(stdout(), "{message}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

/// Answers questions about command lines.
fn oracle() -> ExitCode {
    let version = match chosen() {
        Ok(version) => version,
        Err(status) => return status,
    };
    match answer(version, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => misused(&error),
    }
}

/// Reads which version is stood in for.
#[expect(
    clippy::disallowed_methods,
    reason = "the stand-in is a program of its own and reads its variables here"
)]
fn chosen() -> Result<Version, ExitCode> {
    let said = std::env::var(VARIABLE).ok();
    version(said.as_deref()).map_err(|error| misused(&error))
}

fn misused(error: &anyhow::Error) -> ExitCode {
    let _unheard = writeln!(stderr(), "{error:#}");
    ExitCode::from(MISUSED)
}
