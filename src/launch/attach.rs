//! The agent's command on the user's terminal, until one of both ends.

use std::io::stdin;
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::signals::Signals;
use crate::backends::Interrupted;
use crate::error::Result;
use crate::process::{self, Attached, Invocation};
use crate::ui::Ui;

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
}

/// Runs a program with the user's own streams and terminal.
///
/// Raw mode, resizing and Ctrl-C stay with the engine's own client, which has the terminal.
pub fn attach(invocation: &Invocation, signals: &Signals, ui: &Ui) -> Result<Attachment> {
    if let Some(interrupted) = signals.noted() {
        return Ok(Attachment::Interrupted(interrupted));
    }
    let _released = ui.release();
    let _terminal = Terminal::remember();
    watch(&process::attach(invocation)?, signals, &|| Ok(false))
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
    watch(&process::follow(invocation)?, signals, over)
}

fn watch(
    attached: &Attached,
    signals: &Signals,
    over: &dyn Fn() -> Result<bool>,
) -> Result<Attachment> {
    let mut asked = Instant::now();
    loop {
        if let Some(status) = attached.wait_timeout(LOOK)? {
            // A Ctrl-C reaches the client too where it has no terminal of its own.
            return Ok(signals
                .noted()
                .map_or(Attachment::Ended(status), Attachment::Interrupted));
        }
        if let Some(interrupted) = signals.noted() {
            end(attached)?;
            return Ok(Attachment::Interrupted(interrupted));
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
