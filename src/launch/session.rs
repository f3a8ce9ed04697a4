//! One bottle from its record to its teardown.
//!
//! The record is written before the first resource is made and removed after the last one is gone,
//! so a launcher that is killed in between leaves a bottle that `clean` can find.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use jiff::{Timestamp, Unit};

use super::ask::audit_head;
use super::attach::{Attachment, attach};
use super::homecoming::{self, Haste, Sum};
use super::logs;
use super::signals::Signals;
use super::steps::Steps;
use super::summary::denials;
use crate::backends::{
    Backend, BackendError, ExecOptions, Interrupted, LaunchRequest, Launched, Terminal,
};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::process::Talk;
use crate::state::{Begun, BottleDir, EndedBy, Keep, Lock, Phase, Record};
use crate::ui::{Event, Ui};

/// Whether the launcher waits for the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The agent gets the terminal, and the bottle ends with it.
    Attached,
    /// The bottle is left running.
    Detached,
}

/// Everything that a run, or a start, needs.
#[derive(Debug)]
pub struct Session<'a> {
    /// Where it is made, or was.
    pub backend: &'a dyn Backend,
    /// What is made.
    pub request: &'a LaunchRequest,
    /// Its folder.
    pub dir: &'a BottleDir,
    /// Held for as long as this runs.
    pub lock: Lock,
    /// Its record.
    pub record: Record,
    /// What to wait for beside the agent.
    pub signals: &'a Signals,
    /// Where to say what happens.
    pub ui: &'a Ui,
}

impl Session<'_> {
    /// Runs the bottle and returns how bottle is to end.
    pub fn run(mut self, mode: Mode) -> Result<Exit> {
        if let Err(error) = self.save(Phase::Creating) {
            // Nothing is made yet, and without a record nobody would look at the folder again.
            self.dir.remove().ok();
            return Err(error);
        }
        let (launched, guest) = match self.launch() {
            Ok(launched) => launched,
            Err(error) => return self.fail(error),
        };
        self.record.course.program = program(&launched.command);
        self.tell(&launched);
        match mode {
            Mode::Detached => self.detach(&launched),
            Mode::Attached => self.attend(&launched, guest),
        }
    }

    /// Says what came of a launch, and that the bottle is ready.
    pub(super) fn tell(&self, launched: &Launched) {
        for note in &launched.notes {
            self.ui.note(note);
        }
        for warning in &launched.warnings {
            self.ui.warn(warning);
        }
        self.ui.event(&Event::Ready {
            id: self.request.labels.id.as_str(),
            backend: self.backend.name(),
        });
    }

    fn launch(&self) -> Result<(Launched, Option<Talk>), BackendError> {
        let steps = Steps::new(self.ui, self.signals, self.dir);
        let launched = self.backend.launch(self.request, &steps)?;
        let guest = steps.finish();
        Ok((launched, guest))
    }

    /// Starts the agent without a terminal; only then may the launcher go.
    fn detach(mut self, launched: &Launched) -> Result<Exit> {
        if let Some(interrupted) = self.signals.noted() {
            return self.end(Ok(Attachment::Interrupted(interrupted)), None);
        }
        let begun = Begun::load(&self.dir.begun()).map(Option::unwrap_or_default);
        let noted = begun.and_then(|mut begun| {
            begun.command.clone_from(&launched.command);
            begun.save(&self.dir.begun())
        });
        if let Err(error) = noted {
            return self.end(Err(error.into()), None);
        }
        self.note_deadline();
        let started = self.backend.start_detached(&self.request.labels.id);
        let recorded = started
            .map_err(Error::from)
            .and_then(|()| self.save(Phase::Detached));
        if let Err(error) = recorded {
            return self.end(Err(error), None);
        }
        self.ui
            .data(&format!("{}\n", self.request.labels.id))
            .map_err(Error::user)?;
        Ok(Exit::Success)
    }

    fn attend(mut self, launched: &Launched, guest: Option<Talk>) -> Result<Exit> {
        self.note_deadline();
        let outcome = self.save(Phase::Running).and_then(|()| {
            let options = ExecOptions {
                id: self.request.labels.id.clone(),
                terminal: terminal(),
                argv: launched.command.clone(),
            };
            let call = self.backend.exec(&options)?;
            attach(&call, self.signals, self.ui, self.request.timeout)
        });
        self.end(outcome, guest)
    }

    /// Takes everything down, whatever the outcome was, and keeps what tells why it failed.
    fn end(mut self, outcome: Result<Attachment>, guest: Option<Talk>) -> Result<Exit> {
        let exit = match &outcome {
            Ok(Attachment::Ended(status)) => Exit::Agent(*status),
            Ok(Attachment::Interrupted(Interrupted(signal))) => Exit::Signal(*signal),
            Ok(Attachment::TimedOut) => Exit::TimedOut,
            Err(_) => Exit::Bottle,
        };
        self.record.exit = Some(i32::from(exit.code()));
        if exit == Exit::TimedOut {
            self.record.course.ended_by = Some(EndedBy::Timeout);
            self.ui
                .warn("the time that `--timeout` gave is over: the agent was ended");
        }
        let changes = self.bring_home(exit, guest);
        self.keep_when(!matches!(exit, Exit::Agent(0) | Exit::Signal(_)));
        if self.record.keep.is_some() {
            self.record.audit_head = audit_head(self.backend, &self.request.labels.id);
            logs::save(self.backend, &self.request.labels.id, self.dir, self.ui);
        }
        let removed = self
            .backend
            .remove(&self.request.labels.id)
            .map_err(Error::from);
        self.report_denials();
        if let Some(changes) = changes {
            self.ui
                .note(homecoming::offer(changes, &self.request.labels.id));
        }
        if removed.is_ok() {
            self.put_away(if outcome.is_ok() {
                Phase::Ended
            } else {
                Phase::Failed
            });
        }
        let removed =
            removed.map_err(|error| error.hint("`bottle clean` removes what is left over"));
        match (outcome, removed) {
            (Ok(_), Ok(())) => Ok(exit),
            (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
            (Err(first), Err(second)) => {
                self.ui.error(&second);
                Err(first)
            }
        }
    }

    /// Ends a bottle that never ran: the backend has removed what it made.
    fn fail(mut self, error: BackendError) -> Result<Exit> {
        if let BackendError::Interrupted(Interrupted(signal)) = error {
            self.put_away(Phase::Failed);
            return Ok(Exit::Signal(signal));
        }
        // What could not be removed must be found again, and logs tell what went wrong.
        let told = self.dir.sidecar_log().exists() || self.dir.agent_log().exists();
        self.keep_when(told || matches!(error, BackendError::Undo { .. }));
        self.put_away(Phase::Failed);
        Err(error.into())
    }

    /// The agent's command begins, and with it its time.
    pub(super) fn note_deadline(&mut self) {
        self.record.course.deadline = deadline(self.request.timeout);
    }

    /// Saves what the agent changed in its copy of the workspace, while the bottle is still there.
    fn bring_home(&mut self, exit: Exit, guest: Option<Talk>) -> Option<Sum> {
        let haste = match exit {
            // Of a time that is over the guest keeps as much for this, and ends the bottle then.
            Exit::Signal(_) | Exit::TimedOut => Haste::Hasty,
            Exit::Agent(_) | Exit::Success | Exit::Failure | Exit::Usage | Exit::Bottle => {
                Haste::Patient(self.signals)
            }
        };
        let id = &self.request.labels.id;
        let changes = homecoming::save((self.backend, guest), id, self.dir, haste, self.ui)?;
        self.record.keep = self.record.keep.or(Some(Keep::Changes));
        Some(changes)
    }

    fn keep_when(&mut self, failed: bool) {
        if self.record.keep.is_none() && failed {
            self.record.keep = Some(Keep::Failed);
        }
    }

    /// Removes the folder, or says where it stays. What goes wrong here must not hide how the agent ended.
    fn put_away(&mut self, phase: Phase) {
        let put = if self.record.keep.is_some() {
            let work_alone = self.record.keep == Some(Keep::Changes) && self.record.exit == Some(0);
            self.save(phase).map(|()| {
                if work_alone {
                    return;
                }
                let id = &self.request.labels.id;
                self.ui.note(format!(
                    "logs and audit are kept: `bottle audit {id}`, `bottle logs {id}`"
                ));
            })
        } else {
            self.dir.remove().map_err(Error::from)
        };
        if let Err(error) = put {
            self.ui.error(&error);
        }
    }

    pub(super) fn save(&mut self, phase: Phase) -> Result<()> {
        self.record.phase = phase;
        Ok(self.record.save(&self.dir.record())?)
    }

    /// Says what was denied: otherwise a denial shows only as some tool's odd error.
    fn report_denials(&self) {
        let Ok(denials) = denials(&self.dir.audit_dir()) else {
            return;
        };
        for (what, count) in denials {
            self.ui.denied(&what, count);
        }
    }
}

/// Returns the name of a command's program, without its folder.
fn program(command: &[String]) -> Option<String> {
    let name = Path::new(command.first()?).file_name()?;
    Some(name.to_string_lossy().into_owned())
}

/// Says when a command's time is over that begins now, in UTC.
fn deadline(time: Option<Duration>) -> Option<String> {
    let end = Timestamp::now().checked_add(time?).ok()?;
    Some(end.round(Unit::Second).unwrap_or(end).to_string())
}

/// A program in a bottle gets a terminal when the user has one on both ends.
pub fn terminal() -> Terminal {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        Terminal::Attached
    } else {
        Terminal::Streams
    }
}
