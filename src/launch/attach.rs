//! The agent's command on the user's terminal, until one of both ends.

use std::io::stdin;
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::signals::Signals;
use crate::backends::Interrupted;
use crate::error::Result;
use crate::process::{self, Attached, Errors, Invocation};
use crate::ui::{Progress, Ui};

/// How often the signals are looked at while the agent runs.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is asked whether what is shown has ended.
const OVER: Duration = Duration::from_secs(2);
/// How long the client has to show what was printed last.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the engine's client has to end after it was asked to.
const CLIENT: Duration = Duration::from_secs(2);

/// How the agent's command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// By itself, with this status.
    Ended(i32),
    /// Bottle was asked to end.
    Interrupted(Interrupted),
    /// The time that it had is over.
    TimedOut,
}

/// Runs a program with the user's own streams and terminal.
///
/// Raw mode, resizing and Ctrl-C stay with the engine's own client, which has the terminal. `limit` is
/// how long it may take.
pub fn attach(
    invocation: &Invocation,
    signals: &Signals,
    ui: &Ui,
    limit: Option<Duration>,
) -> Result<Attachment> {
    if let Some(interrupted) = signals.noted() {
        return Ok(Attachment::Interrupted(interrupted));
    }
    let _released = ui.release();
    let _terminal = Terminal::remember();
    let errors = match ui.progress() {
        Progress::Events => Errors::WithOutput,
        Progress::Shown | Progress::Silent => Errors::Apart,
    };
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    watch(
        &process::attach(invocation, errors)?,
        signals,
        &|| Ok(false),
        Watched { end },
    )
}

/// Runs a program that only prints, until it, what it shows, or we should end.
///
/// `over` tells whether what is shown has ended: not every engine's client notices.
pub fn follow(
    invocation: &Invocation,
    signals: &Signals,
    ui: &Ui,
    over: &dyn Fn() -> Result<bool>,
) -> Result<Attachment> {
    let _released = ui.release();
    watch(
        &process::follow(invocation)?,
        signals,
        over,
        Watched { end: None },
    )
}

/// What is known of a program that is watched.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// When its time is over.
    end: Option<Instant>,
}

impl Watched {
    fn is_over(self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }
}

fn watch(
    attached: &Attached,
    signals: &Signals,
    over: &dyn Fn() -> Result<bool>,
    watched: Watched,
) -> Result<Attachment> {
    let mut asked = Instant::now();
    loop {
        if let Some(status) = attached.wait_timeout(LOOK)? {
            // What runs inside looks at the clock too, and may have been quicker.
            if watched.is_over() {
                return Ok(Attachment::TimedOut);
            }
            // A Ctrl-C reaches the client too where it has no terminal of its own.
            return Ok(signals
                .noted()
                .map_or(Attachment::Ended(status), Attachment::Interrupted));
        }
        if let Some(interrupted) = signals.noted() {
            end(attached)?;
            return Ok(Attachment::Interrupted(interrupted));
        }
        if watched.is_over() {
            end(attached)?;
            return Ok(Attachment::TimedOut);
        }
        if asked.elapsed() >= OVER {
            if over()? && attached.wait_timeout(LAST_WORDS)?.is_none() {
                end(attached)?;
                return Ok(Attachment::Ended(0));
            }
            asked = Instant::now();
        }
    }
}

fn end(attached: &Attached) -> Result<()> {
    attached.terminate()?;
    if attached.wait_timeout(CLIENT)?.is_none() {
        attached.kill()?;
    }
    Ok(())
}

/// The terminal's settings, put back at the end: a client that is ended in raw mode leaves it raw.
struct Terminal(Option<Termios>);

impl Terminal {
    fn remember() -> Self {
        Self(tcgetattr(stdin()).ok())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            // A terminal that has gone needs no settings.
            tcsetattr(stdin(), OptionalActions::Now, settings).ok();
        }
    }
}
