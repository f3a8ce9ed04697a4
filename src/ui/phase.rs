//! A step that takes time, and how it is shown while it does.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::event::{Event, Outcome, millis};
use super::screen::{GREEN, Progress, RED, Ui};
use super::text::{elapsed, printable_line};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// A step that has begun. It has failed when it is dropped without [`Phase::done`].
#[derive(Debug)]
#[must_use = "a phase that is dropped at once is shown as failed"]
pub struct Phase<'a> {
    ui: &'a Ui,
    name: String,
    begun: Instant,
    bar: Option<ProgressBar>,
    outcome: Outcome,
}

impl<'a> Phase<'a> {
    pub(super) fn begin(ui: &'a Ui, name: &str) -> Self {
        let name = printable_line(name).into_owned();
        let bar = ui
            .bars
            .as_ref()
            .filter(|_| ui.shows_progress())
            .map(|bars| {
                let bar = bars.add(ProgressBar::new_spinner().with_message(name.clone()));
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(TICK);
                bar
            });
        Self {
            ui,
            name,
            begun: Instant::now(),
            bar,
            outcome: Outcome::Failed,
        }
    }

    /// Ends the phase well.
    pub fn done(mut self) {
        self.outcome = Outcome::Done;
    }
}

impl Drop for Phase<'_> {
    fn drop(&mut self) {
        if let (Some(bar), Some(bars)) = (&self.bar, &self.ui.bars) {
            bar.finish_and_clear();
            bars.remove(bar);
        }
        if self.ui.progress() == Progress::Events {
            self.ui.write_event(&Event::Phase {
                name: &self.name,
                outcome: self.outcome,
                millis: millis(self.begun.elapsed()),
            });
        }
        if !self.ui.shows_progress() {
            return;
        }
        let time = elapsed(self.begun.elapsed());
        let name = &self.name;
        let arrow = match self.outcome {
            Outcome::Done => self.ui.painted(GREEN, "==>"),
            Outcome::Failed => self.ui.painted(RED, "==>"),
        };
        match self.outcome {
            Outcome::Done => self.ui.say(&format!("{arrow} {name} … {time}")),
            Outcome::Failed => self
                .ui
                .say(&format!("{arrow} {name} … failed after {time}")),
        }
    }
}
