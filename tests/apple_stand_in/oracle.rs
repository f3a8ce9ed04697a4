//! The oracle: command lines in, verdicts out, one a line; nothing is run.

use std::io::{BufRead, Write};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::argv::{Outcome, parse};
use crate::version::Version;

/// The only argument of a call that asks for verdicts.
pub const SWITCH: &str = "--oracle-batch";
/// The variable that names the version.
pub const VARIABLE: &str = "APPLE_STAND_IN_VERSION";

/// An answer as it is written.
#[derive(Debug, Serialize)]
struct Answer {
    verdict: &'static str,
    exit: u8,
    message: String,
}

/// Reads the version from what the environment says.
pub fn version(said: Option<&str>) -> Result<Version> {
    let Some(text) = said else {
        return Ok(Version::V1_2_2);
    };
    if let Some(version) = Version::parse(text) {
        return Ok(version);
    }
    let known = Version::ALL.map(Version::as_str).join("`, `");
    bail!("`{VARIABLE}` is `{text}`: it must be one of `{known}`")
}

/// Answers each line of the input until it ends.
pub fn answer(version: Version, input: impl BufRead, mut output: impl Write) -> Result<()> {
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.with_context(|| format!("line {number} cannot be read"))?;
        let words: Vec<String> = serde_json::from_str(&line)
            .with_context(|| format!("line {number} is no JSON array of words: `{line}`"))?;
        let answer = Answer::from(parse(version, &words));
        let mut text = serde_json::to_string(&answer).context("an answer cannot be written")?;
        text.push('\n');
        // Whoever asks line by line waits for the answer before the next question.
        output
            .write_all(text.as_bytes())
            .and_then(|()| output.flush())
            .context("standard output is closed")?;
    }
    Ok(())
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted(_) => Self {
                verdict: "accepted",
                exit: 0,
                message: String::new(),
            },
            Outcome::Refused { exit, message } => Self {
                verdict: "refused",
                exit,
                message,
            },
            Outcome::Help { message } => Self {
                verdict: "help",
                exit: 0,
                message,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ask(input: &str) -> (Result<()>, Vec<serde_json::Value>) {
        let mut output = Vec::new();
        let result = answer(Version::V1_2_2, input.as_bytes(), &mut output);
        let lines = String::from_utf8(output).unwrap();
        let verdicts = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (result, verdicts.collect())
    }

    #[test]
    fn each_line_has_its_verdict() {
        let (result, verdicts) =
            ask("[\"list\"]\n[\"list\",\"--bogus\"]\n[\"stop\"]\n[\"--help\"]\n");
        result.unwrap();
        let short: Vec<(&str, u64)> = verdicts
            .iter()
            .map(|one| {
                (
                    one["verdict"].as_str().unwrap(),
                    one["exit"].as_u64().unwrap(),
                )
            })
            .collect();
        let expected = [
            ("accepted", 0),
            ("refused", 64),
            ("refused", 1),
            ("help", 0),
        ];
        assert_eq!(short, expected);
        let refusal = verdicts[1]["message"].as_str().unwrap();
        assert!(
            refusal.starts_with("Error: Unknown option '--bogus'"),
            "{refusal}"
        );
    }

    #[test]
    fn a_line_that_is_no_array_is_named() {
        for line in ["{}", "[1]", "", "list"] {
            let (result, verdicts) = ask(&format!("[\"list\"]\n{line}\n[\"list\"]\n"));
            let error = result.unwrap_err().to_string();
            assert!(error.starts_with("line 2 "), "{error}");
            assert_eq!(verdicts.len(), 1, "what came before is answered");
        }
    }

    #[test]
    fn the_version_is_known_or_refused() {
        assert_eq!(version(None).unwrap(), Version::V1_2_2);
        assert_eq!(version(Some("1.0.0")).unwrap(), Version::V1_0_0);
        let error = version(Some("9")).unwrap_err().to_string();
        assert!(
            error.contains("`9`") && error.contains("`1.2.2`"),
            "{error}"
        );
    }
}
