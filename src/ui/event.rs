//! What happens, for scripts: one JSON object a line on standard error, in place of words.

use std::fmt;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::screen::{Progress, Ui};

/// Something that happened. Readers skip events and keys that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A step came to its end.
    Phase {
        /// Its name.
        name: &'a str,
        /// How.
        outcome: Outcome,
        /// How long it took.
        millis: u64,
    },
    /// Something that a person may want to know.
    Note {
        /// What.
        text: &'a str,
    },
    /// Something that a person must know.
    Warning {
        /// What.
        text: &'a str,
    },
    /// It was not done, or not all of it.
    Error {
        /// What went wrong.
        text: &'a str,
        /// What led to it, the nearest first.
        causes: Vec<String>,
        /// What to do about it.
        hints: Vec<String>,
    },
    /// A call of another program, with `--verbose`.
    Call {
        /// The call, as it pastes into a shell.
        command: &'a str,
    },
    /// The bottle is sealed, and the agent's command is about to start.
    Ready {
        /// The bottle.
        id: &'a str,
        /// What it is made on.
        backend: &'a str,
    },
    /// Requests that were denied, told at the end.
    Denied {
        /// What they asked for, and why they were denied.
        what: &'a str,
        /// How many.
        count: usize,
    },
    /// Bottle ends: always the last one.
    Ended {
        /// The status that it ends with.
        status: u8,
        /// Whose status that is.
        by: By,
    },
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Well.
    Done,
    /// It failed.
    Failed,
}

/// Who or what made bottle end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The agent ended.
    Agent,
    /// There was nothing more to do, as with `--detach`.
    Done,
    /// A signal.
    Signal,
    /// The time was over.
    Timeout,
    /// Bottle itself failed.
    Bottle,
}

/// An event with its time.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Ui {
    /// Tells scripts what happened; says nothing where people read.
    pub fn event(&self, event: &Event<'_>) {
        if self.progress() == Progress::Events {
            self.write_event(event);
        }
    }

    /// Tells of requests that were denied.
    pub fn denied(&self, what: &str, count: usize) {
        match self.progress() {
            Progress::Events => self.write_event(&Event::Denied { what, count }),
            Progress::Shown | Progress::Silent => self.note(format!("denied {count}×: {what}")),
        }
    }

    /// Shows a call of another program.
    pub fn call(&self, call: &dyn fmt::Display) {
        let command = &call.to_string();
        match self.progress() {
            Progress::Events => self.write_event(&Event::Call { command }),
            Progress::Shown | Progress::Silent => self.note(format!("+ {command}")),
        }
    }

    pub(super) fn write_event(&self, event: &Event<'_>) {
        let now = Timestamp::now();
        let now = now.round(Unit::Millisecond).unwrap_or(now);
        let line = Line {
            time: now.to_string(),
            event,
        };
        // What is made of text and numbers only can always be written as JSON.
        if let Ok(json) = serde_json::to_string(&line) {
            self.write_line(&json);
        }
    }
}

/// A time as an event has it.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
