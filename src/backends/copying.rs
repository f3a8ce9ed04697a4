//! A workspace on its way into a bottle, and the base that is noted of it: the same for every backend.

use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use anyhow::Context as _;
use bottle_contract::tree::{ArrivalLine, Lies};

use super::backend::Progress;
use super::copied_base::copying;
use super::request::LaunchRequest;
use crate::process::{Captured, Invocation, MAX_CAPTURE, Silence, Talk};

/// How long a workspace may take to copy.
const COPY: Duration = Duration::from_mins(30);
/// What is done.
const DOING: &str = "copy the workspace in";

/// Copies the workspace in by a call of `guest tar-in DIR tell`, and tells what the agent begins with.
///
/// `checked` says what the end of a call means that gave no answer.
pub(super) fn copy_in(
    request: &LaunchRequest,
    source: &std::path::Path,
    (call, lies): (&Invocation, Lies),
    progress: &dyn Progress,
    checked: impl FnOnce(&'static str, Captured) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (producer, copying) = copying(source, &request.workdir, lies);
    let go_on = || progress.check().is_ok();
    let mut talk = Talk::begin(call).context(DOING)?;
    let answer = match talk.exchange(COPY, &go_on, producer, arrival) {
        Ok(answer) => answer,
        Err(Silence::Failed(error)) => return Err(error).context(DOING),
        Err(Silence::Unread(error)) => {
            checked(DOING, talk.end().context(DOING)?)?;
            return Err(error).context("the guest's answer could not be read");
        }
    };
    let base = copying.base(&answer).context(DOING)?;
    progress
        .copied(&base, talk)
        .context("could not note what the agent begins with")
}

/// Reads the guest's answer to its last line, after which it goes on listening.
fn arrival(from: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let most = u64::try_from(MAX_CAPTURE).unwrap_or(u64::MAX);
    let mut from = from.take(most);
    loop {
        let begin = answer.len();
        if from.read_until(b'\n', &mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = serde_json::from_slice(answer.get(begin..).unwrap_or_default())?;
        match line {
            ArrivalLine::Before(_) => {}
            ArrivalLine::Done { .. } => return Ok(answer),
        }
    }
}
