//! The two streams, and who may write on them when.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use super::event::Event;
use super::phase::Phase;
use super::table::layout;
use super::text::printable;
use crate::env::{Colour, Env};
use crate::error::{Error, Part};

/// Prints. May be shared between threads.
pub struct Ui {
    out: Mutex<Box<dyn Write + Send>>,
    screen: Mutex<Screen>,
    /// Where phases are drawn; `None` when they are lines, or silent.
    pub(super) bars: Option<MultiProgress>,
    progress: Progress,
    paint: Paint,
}

/// Whether phases are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// As spinners on a terminal, as lines elsewhere.
    Shown,
    /// Not at all, as with `--json`.
    Silent,
    /// As JSON lines, and all that is said with them: standard error has nothing else.
    Events,
}

/// What a line of a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The same on both sides.
    Plain,
    /// What the lines are of.
    Head,
    /// Where they stand.
    Place,
    /// Only on the new side.
    Added,
    /// Only on the old side.
    Removed,
    /// What a person must notice.
    Alert,
}

/// While this lives, nothing of ours is drawn: the terminal is somebody else's.
#[derive(Debug)]
#[must_use = "the terminal is taken back when this is dropped"]
pub struct Released<'a> {
    ui: &'a Ui,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Coloured,
    Plain,
}

/// Standard error.
struct Screen {
    err: Box<dyn Write + Send>,
    owner: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Us,
    /// The agent: lines would disturb what it draws.
    Agent,
}

impl Ui {
    /// Makes the one that talks to the real streams.
    pub fn new(env: &Env, progress: Progress) -> Self {
        let terminal = io::stderr().is_terminal();
        let bars = (terminal && env.can_redraw() && progress == Progress::Shown)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let paint = match env.colour() {
            Some(Colour::Always) => Paint::Coloured,
            None if terminal && env.can_redraw() => Paint::Coloured,
            Some(Colour::Never) | None => Paint::Plain,
        };
        Self::on(
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            bars,
            progress,
            paint,
        )
    }

    /// Makes one without colour, for when the environment itself cannot be read.
    pub fn plain(progress: Progress) -> Self {
        let (out, err) = (Box::new(io::stdout()), Box::new(io::stderr()));
        Self::on(out, err, None, progress, Paint::Plain)
    }

    pub(super) fn on(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        bars: Option<MultiProgress>,
        progress: Progress,
        paint: Paint,
    ) -> Self {
        Self {
            out: Mutex::new(out),
            screen: Mutex::new(Screen {
                err,
                owner: Owner::Us,
            }),
            bars,
            progress,
            paint,
        }
    }

    /// Begins a phase. Several may be open at once, also on several threads.
    pub fn phase(&self, name: &str) -> Phase<'_> {
        Phase::begin(self, name)
    }

    /// Says something to people.
    pub fn note(&self, text: impl fmt::Display) {
        let text = text.to_string();
        match self.progress {
            Progress::Events => self.write_event(&Event::Note { text: &text }),
            Progress::Shown | Progress::Silent => self.say(&printable(&text)),
        }
    }

    /// Warns people.
    pub fn warn(&self, text: impl fmt::Display) {
        let text = text.to_string();
        match self.progress {
            Progress::Events => self.write_event(&Event::Warning { text: &text }),
            Progress::Shown | Progress::Silent => self.labelled("warning", YELLOW, &text),
        }
    }

    /// Shows an error with what led to it and what to do about it.
    pub fn error(&self, error: &Error) {
        if self.progress == Progress::Events {
            return self.error_event(error);
        }
        for (part, text) in error.parts() {
            let colour = match part {
                Part::Error => RED,
                Part::Cause => BOLD,
                Part::Hint => CYAN,
            };
            self.labelled(part.label(), colour, &text);
        }
    }

    fn error_event(&self, error: &Error) {
        let parts = error.parts();
        let of = |wanted: Part| {
            let texts = parts.iter().filter(move |(part, _)| *part == wanted);
            texts.map(|(_, text)| text.clone()).collect::<Vec<_>>()
        };
        self.write_event(&Event::Error {
            text: &of(Part::Error).join("; "),
            causes: of(Part::Cause),
            hints: of(Part::Hint),
        });
    }

    /// Says how progress is told.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Prints data as it is: lines for scripts, with their line breaks.
    pub fn data(&self, text: &str) -> io::Result<()> {
        self.print(text.as_bytes())
    }

    /// Prints a table as data.
    pub fn table(&self, headers: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        self.print(layout(headers, rows).as_bytes())
    }

    /// Prints a value as JSON over several lines.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut json = serde_json::to_vec_pretty(value)?;
        json.push(b'\n');
        self.print(&json)
    }

    /// Prints a value as JSON on one line.
    pub fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        let mut json = serde_json::to_vec(value)?;
        json.push(b'\n');
        self.print(&json)
    }

    /// Colours a line of a comparison, where colours are shown.
    pub fn toned(&self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Plain => text.to_owned(),
            Tone::Head => self.painted(BOLD, text),
            Tone::Place => self.painted(CYAN, text),
            Tone::Added => self.painted(GREEN, text),
            Tone::Removed => self.painted(RED, text),
            Tone::Alert => self.painted(YELLOW, text),
        }
    }

    /// Gives the terminal away: clears what is drawn, and draws nothing until the value is dropped.
    pub fn release(&self) -> Released<'_> {
        self.screen().owner = Owner::Agent;
        if let Some(bars) = &self.bars {
            // What cannot be cleared was not drawn.
            bars.clear().ok();
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Released { ui: self }
    }

    /// Tells whether standard error is ours now, and progress is wanted.
    pub(super) fn shows_progress(&self) -> bool {
        self.progress == Progress::Shown && self.screen().owner == Owner::Us
    }

    /// Writes a line for people.
    pub(super) fn say(&self, line: &str) {
        self.undrawn(|| self.write_line(line));
    }

    /// Does something while nothing is drawn. Not to be nested.
    pub(super) fn undrawn<T>(&self, action: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(action),
            None => action(),
        }
    }

    /// Writes a line; only while nothing is drawn.
    pub(super) fn write_line(&self, line: &str) {
        let mut screen = self.screen();
        // There is nowhere left to complain to when standard error is gone.
        writeln!(screen.err, "{line}")
            .and_then(|()| screen.err.flush())
            .ok();
    }

    pub(super) fn painted(&self, colour: &str, text: &str) -> String {
        match self.paint {
            Paint::Coloured => format!("{colour}{text}{RESET}"),
            Paint::Plain => text.to_owned(),
        }
    }

    fn labelled(&self, label: &str, colour: &str, text: &str) {
        let text = printable(text.trim_end()).replace('\n', "\n  ");
        let label = self.painted(colour, &format!("{label}:"));
        self.say(&format!("{label} {text}"));
    }

    fn print(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(bytes)?;
        out.flush()
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.ui.screen().owner = Owner::Us;
        if let Some(bars) = &self.ui.bars {
            bars.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl fmt::Debug for Ui {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ui")
            .field("progress", &self.progress)
            .field("paint", &self.paint)
            .finish_non_exhaustive()
    }
}

pub(super) const RED: &str = "\x1b[1;31m";
pub(super) const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";
