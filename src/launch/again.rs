//! A stopped bottle that is started again: sealed anew, then its agent's command starts detached.

use super::session::Session;
use super::steps::Steps;
use crate::backends::{BackendError, Interrupted, Launched};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::state::{Changes, Phase};

impl Session<'_> {
    /// Starts a stopped bottle. Whatever fails, the bottle stays as it was: stopped, with all its files.
    pub fn again(mut self) -> Result<Exit> {
        self.record.exit = None;
        self.record.course.ended_by = None;
        self.record.pid = Some(std::process::id());
        self.save(Phase::Restarting)?;
        match self.relaunch() {
            Ok(launched) => {
                self.tell(&launched);
                // What the stop saved is not what it has from now on.
                Changes::forget(&self.dir.changes())?;
            }
            Err(BackendError::Interrupted(Interrupted(signal))) => {
                self.save(Phase::Detached)?;
                return Ok(Exit::Signal(signal));
            }
            Err(error) => {
                self.save(Phase::Detached)?;
                return Err(error.into());
            }
        }
        self.note_deadline();
        let head = self.record.audit_head.take();
        let id = &self.request.labels.id;
        let started = self.backend.start_detached(id).map_err(Error::from);
        if let Err(error) = started.and_then(|()| self.save(Phase::Detached)) {
            if let Err(second) = self.backend.stop(id) {
                self.ui.error(&second.into());
            }
            self.record.audit_head = head;
            if let Err(second) = self.save(Phase::Detached) {
                self.ui.error(&second);
            }
            return Err(error);
        }
        self.ui.data(&format!("{id}\n")).map_err(Error::user)?;
        Ok(Exit::Success)
    }

    fn relaunch(&self) -> Result<Launched, BackendError> {
        let steps = Steps::new(self.ui, self.signals, self.dir);
        let launched = self.backend.relaunch(self.request, &steps)?;
        if let Err(interrupted) = self.signals.check() {
            // Sealed and idle, it would be taken for one whose agent runs.
            self.backend.stop(&self.request.labels.id)?;
            return Err(interrupted.into());
        }
        // It runs detached, so nobody of us will be there to ask.
        drop(steps.finish());
        Ok(launched)
    }
}
