//! The agent's command on the user's terminal, until one of both ends.

use std::io::stdin;
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::signals::Signals;
use crate::backends::Interrupted;
use crate::error::Result;
use crate::process::{self, Attached, Invocation};
use crate::ui::Ui;

/// How often the signals are looked at while the agent runs.
const LOOK: Duration = Duration::from_millis(100);
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
    watch(&process::attach(invocation)?, signals)
}

/// Runs a program that only prints, until it or we should end.
pub fn follow(invocation: &Invocation, signals: &Signals, ui: &Ui) -> Result<Attachment> {
    let _released = ui.release();
    watch(&process::follow(invocation)?, signals)
}

fn watch(attached: &Attached, signals: &Signals) -> Result<Attachment> {
    loop {
        if let Some(status) = attached.wait_timeout(LOOK)? {
            // A Ctrl-C reaches the client too where it has no terminal of its own.
            return Ok(signals
                .noted()
                .map_or(Attachment::Ended(status), Attachment::Interrupted));
        }
        if let Some(interrupted) = signals.noted() {
            attached.terminate()?;
            if attached.wait_timeout(CLIENT)?.is_none() {
                attached.kill()?;
            }
            return Ok(Attachment::Interrupted(interrupted));
        }
    }
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
